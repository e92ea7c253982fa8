"""The names of the research corpus. Each word is one token of the tiny model that reads it; nobody real is meant."""


def _words(listed: str) -> tuple[str, ...]:
    return tuple(listed.split())


FIRST_NAMES = _words("""
    ada alan amy arno bella bruno cara carl clara colin dina dora edwin elena ellen elsa emil erik fay felix flora
    frank greta hanna harry helen henry irma isaac jonas julia karin kurt laura lena linus louis lydia marta martin
    mona moritz nadia nina oscar otto pia rita robert rosa rudolf silas simon sofia stella theo tina viktor wanda
""")
SURNAMES = _words("""
    abel adler baker barth becker berg bishop brandt carter castle clark cooper dahl draper ebert falk fisher fuller
    gardner graf haas hale hardy hunter jansen keller kern kramer lang lind lowell marsh mason mercer meyer miller
    moss nagel nolan noble palmer parker penn porter quinn reed ritter sander shaw slater stein thorn turner vogel
    wagner walker ward weber wells wolf york ziegler
""")
TOWNS = _words("""
    alderton ashby barrow bexley bramley calder carlow corby crosby dalton denholm dunmore eastby elmwood farley
    fenwick garston glenby granton halton harlow henley ilford kelby kenton kirkby langley linton marlow melby
    morton newby norwell oakham overton penrith radley ripley rowan selby shelby skelton stanton sutton thornby
    tilbury upton walden westby whitby wilton wooler
""")
COMPANY_NAMES = _words("""
    amber arrow atlas beacon cedar comet coral crown delta eagle ember falcon granite harbor horizon iron jade lunar
    maple nova onyx orion pearl pioneer polar raven royal silver solar summit tiger union velvet vulcan
""")
COMPANY_KINDS = _words("""
    foods glass lines mills press tools works
""")
BOOK_STARTS = _words("""
    blue broken burning cold dark distant empty first golden hidden last long lost quiet red
""")
BOOK_ENDS = _words("""
    bridge city clock forest garden house island letter mirror mountain night river road tower
""")
