"""One session of libcurl (pycurl) or ftplib, timed from before the connection to after QUIT.

    session.py pycurl|ftplib put|get PORT USER PASSWORD LOCAL_DIR REMOTE_DIR [CERTIFICATE]

Puts every file of LOCAL_DIR into REMOTE_DIR, or gets every file of REMOTE_DIR, named by the file
names in LOCAL_DIR/../names, into LOCAL_DIR, one after the other. With the server's CERTIFICATE (a file),
under TLS 1.3. Prints the seconds taken.
"""

import ftplib
import pathlib
import ssl
import sys
import time

import secure

PIECE_BYTES = 256 * 1024


def pycurl_session(direction, port, user, password, local, remote, names, certificate):
    import pycurl

    curl = pycurl.Curl()
    curl.setopt(pycurl.USERPWD, f"{user}:{password}")
    # As few round trips as libcurl can do with: no CWD, no SIZE.
    curl.setopt(pycurl.FTP_FILEMETHOD, pycurl.FTPMETHOD_NOCWD)
    curl.setopt(pycurl.IGNORE_CONTENT_LENGTH, 1)
    curl.setopt(pycurl.BUFFERSIZE, PIECE_BYTES)
    curl.setopt(pycurl.UPLOAD_BUFFERSIZE, PIECE_BYTES)
    curl.setopt(pycurl.TIMEOUT, 120)
    if certificate:
        curl.setopt(pycurl.USE_SSL, pycurl.USESSL_ALL)
        curl.setopt(pycurl.CAINFO, certificate)
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_3)
        curl.setopt(pycurl.TLS13_CIPHERS, secure.CIPHER)
    for name in names:
        curl.setopt(pycurl.URL, f"ftp://127.0.0.1:{port}/{remote}/{name}")
        with (local / name).open("rb" if direction == "put" else "wb", buffering=0) as file:
            if direction == "put":
                curl.setopt(pycurl.UPLOAD, 1)
                curl.setopt(pycurl.READDATA, file)
            else:
                curl.setopt(pycurl.WRITEFUNCTION, file.write)
            curl.perform()
    curl.close()


def ftplib_session(direction, port, user, password, local, remote, names, certificate):
    if certificate:
        context = ssl.create_default_context(cafile=certificate)
        # Which cipher suite of TLS 1.3 is not to be chosen; OpenSSL's first one is secure.CIPHER.
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        ftp = ftplib.FTP_TLS(context=context, timeout=120)
    else:
        ftp = ftplib.FTP(timeout=120)
    with ftp:
        ftp.connect("127.0.0.1", port)
        ftp.login(user, password)
        if certificate:
            ftp.prot_p()
        ftp.cwd(remote)
        for name in names:
            with (local / name).open("rb" if direction == "put" else "wb", buffering=0) as file:
                if direction == "put":
                    ftp.storbinary(f"STOR {name}", file, PIECE_BYTES)
                else:
                    ftp.retrbinary(f"RETR {name}", file.write, PIECE_BYTES)


def main():
    client, direction, port, user, password, local, remote, *certificate = sys.argv[1:]
    local = pathlib.Path(local)
    names = (local.parent / "names").read_text().split()
    if client == "pycurl":
        import pycurl  # noqa: F401  loaded before the clock starts
        session = pycurl_session
    else:
        session = ftplib_session
    started = time.perf_counter()
    session(direction, int(port), user, password, local, remote, names, certificate[0] if certificate else None)
    print(time.perf_counter() - started)


main()
