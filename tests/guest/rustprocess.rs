// guest: timeout=120 emulated=no
//! std::process: children of all sorts, among them this program itself.
use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{exit, Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// This program again, as the child that its first argument names.
fn me(role: &str) -> Command {
    let mut c = Command::new(env::current_exe().unwrap());
    c.arg(role);
    c
}

fn child(role: &str) {
    match role {
        "status" => exit(env::args().nth(2).unwrap().parse().unwrap()),
        "says" => {
            let words: Vec<_> = env::args().skip(2).collect();
            println!("{:?} {:?}", words, env::var("VARIABLE"));
            eprintln!("and {} variables", env::vars().count());
        }
        "copies" => {
            let mut text = Vec::new();
            io::stdin().read_to_end(&mut text).unwrap();
            text.reverse();
            io::stdout().write_all(&text).unwrap();
        }
        "waits" => loop {
            thread::sleep(Duration::from_secs(1));
        },
        "panics" => panic!("on purpose"),
        "execs" => {
            let e = me("says").arg("executed").exec();
            panic!("{e}");
        }
        "where" => println!("{}", env::current_dir().unwrap().file_name().unwrap().to_str().unwrap()),
        _ => exit(99),
    }
}

fn statuses() {
    let codes: Vec<_> = [0, 1, 77, 255].iter().map(|n| me("status").arg(n.to_string()).status().unwrap().code()).collect();
    println!("statuses {codes:?}");
    let out = me("panics").output().unwrap();
    println!("panic {:?} {}", out.status.code(), String::from_utf8_lossy(&out.stderr).contains("on purpose"));
}

fn arguments() {
    for c in [me("says").args(["a b", "", "ö"]).env("VARIABLE", "value"), me("says").env_clear(), &mut me("execs")] {
        let out = c.output().unwrap();
        assert!(out.stderr.starts_with(b"and "));
        print!("arguments {}", String::from_utf8(out.stdout).unwrap());
    }
}

/// More than a pipe holds, there and back.
fn pipes() {
    let mut c = me("copies").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let text: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let (mut to, sent) = (c.stdin.take().unwrap(), text.clone());
    let writer = thread::spawn(move || to.write_all(&sent).unwrap());
    let out = c.wait_with_output().unwrap();
    writer.join().unwrap();
    println!("pipes {} {}", out.stdout.len(), out.stdout.iter().rev().eq(text.iter()));
}

fn signals() {
    let mut c = me("waits").spawn().unwrap();
    assert_eq!(c.try_wait().unwrap(), None);
    c.kill().unwrap();
    let status = c.wait().unwrap();
    println!("killed {:?} {:?}", status.signal(), status.code());
}

fn errors() {
    let none = Command::new("/no/such/program").spawn().unwrap_err();
    fs::write("plain", "no program").unwrap();
    let plain = Command::new("./plain").spawn().unwrap_err();
    let folder = me("where").current_dir("/no/such/folder").spawn().unwrap_err();
    println!("errors {:?} {:?} {:?}", none.kind(), plain.kind(), folder.kind());
}

/// With a closure before the exec, which takes std from posix_spawn to fork.
fn forks() {
    let mut c = me("where");
    fs::create_dir("below").unwrap();
    unsafe {
        c.current_dir("below").pre_exec(|| io::stdout().write_all(b"in the child\n"));
    }
    let out = c.output().unwrap();
    println!("forks {:?}", String::from_utf8(out.stdout).unwrap());
}

/// Programs of the host, found by PATH, in a pipeline.
fn host() {
    let mut first = Command::new("printf").arg("%s\\n").args(["b", "a", "c"]).stdout(Stdio::piped()).spawn().unwrap();
    let out = Command::new("sort").stdin(first.stdout.take().unwrap()).output().unwrap();
    first.wait().unwrap();
    println!("host {:?}", String::from_utf8(out.stdout).unwrap());
}

fn crowd() {
    let threads: Vec<_> = (0..4)
        .map(|n| {
            thread::spawn(move || {
                let children: Vec<Child> = (0..4).map(|i| me("status").arg((n * 4 + i).to_string()).spawn().unwrap()).collect();
                children.into_iter().map(|mut c| c.wait().unwrap().code().unwrap()).sum::<i32>()
            })
        })
        .collect();
    println!("crowd {}", threads.into_iter().map(|t| t.join().unwrap()).sum::<i32>());
}

fn main() {
    if let Some(role) = env::args().nth(1) {
        return child(&role);
    }
    statuses();
    arguments();
    pipes();
    signals();
    errors();
    forks();
    host();
    crowd();
}
