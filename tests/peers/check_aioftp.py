#!/usr/bin/python3
"""aioftp as a client for `ftpsim check client`: get|put|list HOST PORT USER PASSWORD [REMOTE LOCAL]."""

import asyncio
import sys

import aioftp


async def main(what, host, port, user, password, remote="", local=""):
    async with aioftp.Client.context(host, int(port), user, password, socket_timeout=8, connection_timeout=8) as client:
        if what == "get":
            await client.download(remote, local, write_into=True)
        elif what == "put":
            await client.upload(local, remote, write_into=True)
        else:
            for path, _facts in await client.list():
                print(path)


asyncio.run(main(*sys.argv[1:]))
