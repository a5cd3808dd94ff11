"""libcurl over TLS: tls_pycurl.py HOST PORT USER PASSWORD CA VERSION FROM TO

Uploads the files of FROM over one session and downloads them into TO, by TLS of VERSION (1.2 or
1.3) alone. With the Python environment of tests/peers/install.sh.
"""

import pathlib
import sys

import pycurl


def main(host, port, user, password, ca, version, source, target):
    curl = pycurl.Curl()
    curl.setopt(pycurl.USERPWD, user + ":" + password)
    curl.setopt(pycurl.USE_SSL, pycurl.USESSL_ALL)
    curl.setopt(pycurl.CAINFO, ca)
    least, most = {
        "1.2": (pycurl.SSLVERSION_TLSv1_2, pycurl.SSLVERSION_MAX_TLSv1_2),
        "1.3": (pycurl.SSLVERSION_TLSv1_3, pycurl.SSLVERSION_MAX_TLSv1_3),
    }[version]
    curl.setopt(pycurl.SSLVERSION, least | most)
    curl.setopt(pycurl.TIMEOUT, 20)
    names = sorted(path.name for path in pathlib.Path(source).iterdir())
    for uploads in (True, False):
        curl.setopt(pycurl.UPLOAD, uploads)
        for name in names:
            curl.setopt(pycurl.URL, "ftp://%s:%s/%s" % (host, port, name))
            path = pathlib.Path(source if uploads else target) / name
            with path.open("rb" if uploads else "wb") as file:
                curl.setopt(pycurl.READDATA if uploads else pycurl.WRITEDATA, file)
                curl.perform()
    curl.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
