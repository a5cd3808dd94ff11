// basic-ftp as a client for `ftpsim check client`: PACKAGE get|put|list HOST PORT USER PASSWORD [REMOTE LOCAL].

async function main(directory, what, host, port, user, password, remote, local) {
    const { Client } = require(directory)
    const client = new Client(8000)
    try {
        await use(client, what, { host, port: Number(port), user, password }, remote, local)
    } finally {
        // What stays open keeps the process.
        client.close()
    }
}

async function use(client, what, access, remote, local) {
    await client.access(access)
    if (what === "list") {
        for (const file of await client.list()) console.log(file.name)
    } else if (what === "put") {
        await client.uploadFrom(local, remote)
    } else {
        await client.downloadTo(local, remote)
    }
}

main(...process.argv.slice(2)).catch((error) => {
    console.error(String(error))
    process.exitCode = 1
})
