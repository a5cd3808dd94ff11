//! All cases, one server and one directory each.

use super::case::{Case, Script, Task};
use super::judge::{Evidence, judge};
use super::server::{Heard, Scripted, TRAP};
use crate::check::verdict::{Outcome, Verdict};
use crate::programs::{self, Filled, Place, Ran, Template, in_order};
use ftp_proto::name;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;

const USER: &str = "checker";
const PASSWORD: &str = "s3cret-check";
/// Of the file where a case has no other. In types A and I it is the same.
const FILE_BYTES: usize = 48_000;
/// Of what a client prints, so many lines stand in the dialogue.
const MAX_PRINTED: usize = 10;

/// The client's commands by what they do; without one, cases of its kind are skipped.
pub type Commands = BTreeMap<Task, Template>;

/// A client to be checked.
pub struct Suite {
    commands: Commands,
    limit: Duration,
}

/// What of a client cannot be checked, and why.
pub struct Fitness(BTreeMap<Task, (Verdict, String)>);

impl Fitness {
    /// Of the commands that were given, those that cannot be judged, each with the reason.
    pub fn unfit(&self) -> impl Iterator<Item = (Task, &str)> {
        let given = self.0.iter().filter(|(_, (verdict, _))| *verdict == Verdict::Untestable);
        given.map(|(task, (_, why))| (*task, &**why))
    }
}

/// What one run has brought.
struct Run {
    ran: Ran,
    heard: Heard,
    place: Place,
    content: Vec<u8>,
}

impl Suite {
    /// Each run of a command is ended after `limit`.
    pub fn new(commands: Commands, limit: Duration) -> Self {
        Self { commands, limit }
    }

    /// Which cases cannot be asked: a command that does not get along with an ordinary server is not asked any
    /// further.
    pub async fn fitness(&self, cases: &[&'static Case]) -> Fitness {
        let mut unfit = BTreeMap::new();
        for task in [Task::Download, Task::Upload, Task::List, Task::Mirror] {
            if cases.iter().any(|case| case.task == task)
                && let Some(why) = self.unfit(task).await
            {
                unfit.insert(task, why);
            }
        }
        Fitness(unfit)
    }

    /// Runs the cases, at most `parallel` at a time, telling of each as it ends; gives them in their order.
    pub async fn run(
        self: &Arc<Self>,
        cases: &[&'static Case],
        Fitness(unfit): &Fitness,
        parallel: usize,
        told: impl FnMut(&Outcome),
    ) -> Vec<Outcome> {
        let work = cases.iter().map(|&case| {
            let (suite, unfit) = (self.clone(), unfit.get(&case.task).cloned());
            async move {
                match unfit {
                    Some((verdict, why)) => outcome(case, verdict, why, Vec::new()),
                    None => suite.case(case).await,
                }
            }
        });
        let panicked = |index: usize, words: String| {
            let why = format!("a defect of this check, not of the client: {words}");
            outcome(cases[index], Verdict::Fail, why, Vec::new())
        };
        in_order(work, parallel, panicked, told).await
    }

    /// Why cases of this kind cannot be judged: the control group, an ordinary server.
    async fn unfit(&self, task: Task) -> Option<(Verdict, String)> {
        if !self.commands.contains_key(&task) {
            return Some((Verdict::Skipped, "no command for it was given".to_owned()));
        }
        static PLAIN: OnceLock<Case> = OnceLock::new();
        let plain = PLAIN.get_or_init(Case::ordinary);
        let run = match self.once(task, &plain.script).await {
            Ok(run) => run,
            Err(error) => return Some((Verdict::Untestable, format!("cannot run the command: {error}"))),
        };
        let case = Case { task, ..Case::ordinary() };
        match judge(&case, &self.evidence(&run)) {
            (Verdict::Pass, _) => None,
            (_, why) => {
                Some((Verdict::Untestable, format!("it does not get along with an ordinary server: {why}")))
            }
        }
    }

    fn evidence<'a>(&self, run: &'a Run) -> Evidence<'a> {
        Evidence {
            ran: &run.ran,
            heard: &run.heard,
            place: &run.place,
            content: &run.content,
            limit: self.limit,
        }
    }

    async fn case(&self, case: &'static Case) -> Outcome {
        match self.once(case.task, &case.script).await {
            Ok(run) => {
                let (verdict, seen) = judge(case, &self.evidence(&run));
                let mut dialogue = run.heard.dialogue;
                for (name, bytes) in [("stdout", &run.ran.stdout), ("stderr", &run.ran.stderr)] {
                    let text = run.place.named(&name::decode(bytes));
                    let lines: Vec<&str> = text.lines().collect();
                    let last = &lines[lines.len().saturating_sub(MAX_PRINTED)..];
                    let short = |line: &str| line.chars().take(300).collect::<String>();
                    dialogue.extend(last.iter().map(|line| format!("{name}: {}", short(line))));
                }
                outcome(case, verdict, seen, dialogue)
            }
            Err(error) => {
                outcome(case, Verdict::Untestable, format!("cannot run the command: {error}"), Vec::new())
            }
        }
    }

    async fn once(&self, task: Task, script: &'static Script) -> std::io::Result<Run> {
        let place = Place::new("ftpsim-check-")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        // Where the system has no other address on loopback, nobody can be led there.
        let trap = TcpListener::bind((TRAP, 0)).await.ok();
        let trap_address = trap.as_ref().and_then(|trap| trap.local_addr().ok());
        let outside = place.outside().display().to_string();
        let content = match script.content {
            Some(operand) => crate::check::text::bytes(operand).unwrap_or_default(),
            None => b"0123456789abcdef".iter().copied().cycle().take(FILE_BYTES).collect(),
        };
        let server = Arc::new(Scripted::new(script, content.clone(), trap_address, outside));
        let serving = tokio::spawn(server.clone().serve(listener, trap));
        let (local, remote) = match task {
            Task::Download => (place.work.join("file.bin"), "file.bin"),
            Task::Upload => (place.work.join("up.bin"), "up.bin"),
            Task::List | Task::Mirror => (place.work.clone(), ""),
        };
        if task == Task::Upload {
            std::fs::write(&local, &content)?;
        }
        let host = Ipv4Addr::LOCALHOST;
        let filled = Filled(vec![
            ("{host}", host.to_string()),
            ("{port}", port.to_string()),
            ("{user}", USER.to_owned()),
            ("{password}", PASSWORD.to_owned()),
            ("{local}", local.display().to_string()),
            ("{local_dir}", place.work.display().to_string()),
            ("{remote}", remote.to_owned()),
            ("{url}", format!("ftp://{USER}:{PASSWORD}@{host}:{port}/{remote}")),
        ]);
        let ran = match self.commands.get(&task) {
            Some(template) => programs::run(template, &filled, &place, tokio::time::sleep(self.limit)).await,
            None => Ok(Ran::default()),
        };
        serving.abort();
        let heard = server.hear(std::mem::take);
        Ok(Run { ran: ran?, heard, place, content })
    }
}

fn outcome(case: &Case, verdict: Verdict, seen: String, dialogue: Vec<String>) -> Outcome {
    Outcome {
        id: case.id,
        section: case.section(),
        level: case.level,
        sentence: case.sentence,
        verdict,
        seen,
        dialogue,
    }
}
