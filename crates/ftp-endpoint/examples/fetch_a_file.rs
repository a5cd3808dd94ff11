//! Fetches a file in block mode, whose end is marked: `fetch_a_file 192.0.2.1:21 user password name`.
//! Without arguments it fetches one from a server in memory, in this process.

use ftp_endpoint::{Client, Login, MemoryStore, Net, Nobody, Options, RealNet};
use ftp_endpoint::{Rights, ServerConfig, Table, serve};
use ftp_proto::{TransmissionMode, VirtualPath};
use std::error::Error;
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let net = RealNet::new();
    let [address, user, password, remote] = match <[String; 4]>::try_from(arguments) {
        Ok(given) => given,
        Err(_) => {
            let store = MemoryStore::new();
            store.insert(&VirtualPath::root().join("a.txt")?, b"from memory\n".to_vec());
            let listener = net.listen("127.0.0.1:0".parse()?).await?;
            let address = listener.local_addr()?.to_string();
            let accounts = Table::new().with_user("me", "secret", store, Rights::ALL);
            let config = Arc::new(ServerConfig::new(accounts));
            tokio::spawn(serve(net, listener, config, Arc::new(Nobody)));
            [address, "me".into(), "secret".into(), "a.txt".into()]
        }
    };

    let options = Options { mode: TransmissionMode::Block, ..Options::default() };
    let login = Login::new(user, password);
    let mut client = Client::connect(net, address.parse()?, &login, &options).await?;
    let mut content = Vec::new();
    let bytes = client.fetch(&remote, &mut content).await?;
    client.quit().await;
    println!("{bytes} bytes: {}", String::from_utf8_lossy(&content));
    Ok(())
}
