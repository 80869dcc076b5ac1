//! A process to be killed: appends entries to a redb store one by one, and says each acknowledged number on its standard
//! output, until it is killed or nobody listens any more.

use std::io::Write;
use std::path::PathBuf;

use highwater::summarize::Extractive;
use highwater_protocol::message::OpenCalls;
use highwater_tests::generate;
use highwater_tests::world::{self, Environment};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dir = PathBuf::from(std::env::args_os().nth(1).expect("the store's directory"));
    let house = world::house(world::redb(&dir), Environment::Threaded, Extractive).await;
    let session = house.open(world::named("killed"), world::automatic()).await;
    let session = session.expect("the session opens");
    let known = session.status().await.expect("the session answers").head.0;
    let mut out = std::io::stdout().lock();
    for number in known + 1.. {
        let stored = session.append(vec![generate::numbered(number)]).await;
        let seq = stored.expect("the append is stored")[0].seq;
        if writeln!(out, "{}", seq.0).and_then(|()| out.flush()).is_err() {
            return;
        }
        if number.is_multiple_of(5) {
            session.context(OpenCalls::StandIn).await.expect("the session answers");
        }
    }
}
