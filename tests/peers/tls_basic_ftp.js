// basic-ftp over TLS: tls_basic_ftp.js PACKAGE HOST PORT USER PASSWORD CA VERSION FROM TO
//
// Uploads the files of FROM over one session and downloads them into TO, by TLS of VERSION (1.2 or
// 1.3) alone. PACKAGE is the directory of basic-ftp, as tests/peers/install.sh unpacks it.
"use strict"

const fs = require("fs")
const path = require("path")

async function main(packageDir, host, port, user, password, ca, version, source, target) {
    const { Client } = require(packageDir)
    const client = new Client(20000)
    const protocol = "TLSv" + version
    await client.access({
        host,
        port: Number(port),
        user,
        password,
        secure: true,
        secureOptions: { ca: fs.readFileSync(ca), minVersion: protocol, maxVersion: protocol, servername: host },
    })
    const names = fs.readdirSync(source)
    for (const name of names) {
        await client.uploadFrom(path.join(source, name), name)
    }
    for (const name of names) {
        await client.downloadTo(path.join(target, name), name)
    }
    client.close()
}

main(...process.argv.slice(2)).catch((error) => {
    console.error(String(error))
    process.exitCode = 1
})
