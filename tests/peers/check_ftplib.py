#!/usr/bin/python3
"""Python's ftplib as a client for `ftpsim check client`: get|put|list HOST PORT USER PASSWORD [REMOTE LOCAL]."""

import ftplib
import sys

what, host, port, user, password, *names = sys.argv[1:]
with ftplib.FTP(timeout=8) as ftp:
    ftp.connect(host, int(port))
    ftp.login(user, password)
    if what == "get":
        with open(names[1], "wb") as local:
            ftp.retrbinary("RETR " + names[0], local.write)
    elif what == "put":
        with open(names[1], "rb") as local:
            ftp.storbinary("STOR " + names[0], local)
    else:
        ftp.dir()
