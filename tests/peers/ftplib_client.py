"""Python's ftplib against a server: ftplib_client.py HOST PORT USER PASSWORD DIRECTORY

Uploads the files of DIRECTORY, downloads and compares them, lists, renames,
deletes; leaves the server with the same files.
"""

import ftplib
import io
import pathlib
import sys


def main(host, port, user, password, directory):
    ftp = ftplib.FTP()
    ftp.connect(host, int(port), timeout=10)
    ftp.login(user, password)
    files = {path.name: path.read_bytes() for path in pathlib.Path(directory).iterdir()}
    for passive in (True, False):
        ftp.set_pasv(passive)
        for name, content in files.items():
            ftp.storbinary("STOR " + name, io.BytesIO(content))
            assert ftp.size(name) == len(content), name
            got = io.BytesIO()
            ftp.retrbinary("RETR " + name, got.write)
            assert got.getvalue() == content, name
    assert sorted(ftp.nlst()) == sorted(files), ftp.nlst()
    got = io.BytesIO()
    ftp.retrbinary("RETR big", got.write, rest=2000000)
    assert got.getvalue() == files["big"][2000000:]
    ftp.storbinary("APPE one", io.BytesIO(b"y"))
    assert ftp.size("one") == 2
    ftp.storbinary("STOR one", io.BytesIO(files["one"]))
    ftp.storlines("STOR text", io.BytesIO(b"first\nsecond\n"))
    lines = []
    ftp.retrlines("RETR text", lines.append)
    assert lines == ["first", "second"], lines
    ftp.rename("text", "renamed")
    ftp.delete("renamed")
    ftp.mkd("directory")
    ftp.cwd("directory")
    assert ftp.pwd() == "/directory", ftp.pwd()
    ftp.cwd("..")
    ftp.rmd("directory")
    for refused in (lambda: ftp.size("none"), lambda: ftp.delete("none"), lambda: ftp.cwd("none")):
        try:
            refused()
        except ftplib.error_perm as error:
            assert str(error).startswith("550"), error
        else:
            raise AssertionError("not refused")
    assert sorted(ftp.nlst()) == sorted(files)
    ftp.quit()
    print("ok: %d files" % len(files))


if __name__ == "__main__":
    main(*sys.argv[1:])
