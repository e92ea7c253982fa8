"""The guided tour: six policies answer the same problems with the same random draws, in a LangGraph agent."""
