"""Python's ftplib over TLS: tls_ftplib.py HOST PORT USER PASSWORD CA VERSION FROM TO plain|resuming [AGAIN]

Uploads the files of FROM over one session, AGAIN times, and downloads them into TO, by TLS of
VERSION (1.2 or 1.3) alone. ftplib as it is begins a new TLS session for each data connection;
"resuming" resumes that of the control connection.
"""

import ftplib
import pathlib
import ssl
import sys


class Resuming(ftplib.FTP_TLS):
    def ntransfercmd(self, cmd, rest=None):
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(conn, server_hostname=self.host, session=self.sock.session), size


def main(host, port, user, password, ca, version, source, target, how, again="1"):
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
    ftp = {"plain": ftplib.FTP_TLS, "resuming": Resuming}[how](context=context, timeout=20)
    ftp.connect(host, int(port))
    ftp.login(user, password)
    ftp.prot_p()
    for path in sorted(pathlib.Path(source).iterdir()) * int(again):
        with path.open("rb") as file:
            ftp.storbinary("STOR " + path.name, file)
    for name in ftp.nlst():
        with (pathlib.Path(target) / name).open("wb") as file:
            ftp.retrbinary("RETR " + name, file.write)
    ftp.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
