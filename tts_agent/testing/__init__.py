"""What plug-in authors test with: a scripted model, and a loopback endpoint in front of any sampler."""
