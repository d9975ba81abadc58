// guest: timeout=120
//! What else of Rust's standard library asks the system for something: files, sockets, clocks, unwinding.
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{self, prelude::*, BufReader, ErrorKind, SeekFrom};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{symlink, FileExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

fn files() -> io::Result<()> {
    fs::create_dir_all("a/b/c")?;
    fs::write("a/b/text", "one\ntwo\nthree\n")?;
    symlink("b/text", "a/link")?;
    fs::hard_link("a/b/text", "a/b/again")?;
    fs::copy("a/link", "a/copy")?;
    fs::rename("a/copy", "a/b/c/moved")?;
    let mut f = OpenOptions::new().read(true).append(true).open("a/b/c/moved")?;
    f.write_all(b"four\n")?;
    f.seek(SeekFrom::Start(4))?;
    let mut lines = BufReader::new(&f).lines();
    assert_eq!(lines.next().unwrap()?, "two");
    let mut at = [0; 5];
    f.read_exact_at(&mut at, 8)?;
    f.set_len(7)?;
    fs::set_permissions("a/b/text", fs::Permissions::from_mode(0o640))?;
    f.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(1_234_567))?;
    let meta = fs::metadata("a/b/c/moved")?;
    let age = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let names: BTreeSet<_> = fs::read_dir("a/b")?.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    println!("files {names:?} {:?} {} {age:?} {:o}", std::str::from_utf8(&at).unwrap(), meta.len(), fs::metadata("a/link")?.permissions().mode() & 0o777);
    println!("links {:?} {}", fs::read_link("a/link")?, fs::canonicalize("a/link")?.ends_with("a/b/text"));
    fs::remove_dir_all("a")?;
    println!("gone {:?}", File::open("a/b").unwrap_err().kind());
    Ok(())
}

/// Each client sends a number of lines and gets them back in capitals.
fn tcp() -> io::Result<()> {
    const CLIENTS: usize = 6;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let total: usize = thread::scope(|s| {
        s.spawn(|| {
            for stream in listener.incoming().take(CLIENTS) {
                let stream = stream.unwrap();
                s.spawn(move || {
                    let mut out = stream.try_clone().unwrap();
                    for line in BufReader::new(stream).lines() {
                        writeln!(out, "{}", line.unwrap().to_uppercase()).unwrap();
                    }
                    out.shutdown(Shutdown::Write).unwrap();
                });
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                s.spawn(move || {
                    let mut stream = TcpStream::connect(addr).unwrap();
                    stream.set_nodelay(true).unwrap();
                    for i in 0..50 {
                        writeln!(stream, "client {n} line {i}").unwrap();
                    }
                    stream.shutdown(Shutdown::Write).unwrap();
                    let lines: Vec<_> = BufReader::new(stream).lines().map(|l| l.unwrap()).collect();
                    assert_eq!(lines[7], format!("CLIENT {n} LINE 7"));
                    lines.len()
                })
            })
            .collect();
        clients.into_iter().map(|c| c.join().unwrap()).sum()
    });
    let late = TcpListener::bind("127.0.0.1:0")?;
    late.set_nonblocking(true)?;
    println!("tcp {total} {:?} {:?}", late.accept().unwrap_err().kind(), TcpStream::connect("nowhere").unwrap_err().kind());
    Ok(())
}

fn other_sockets() -> io::Result<()> {
    let (a, b) = (UdpSocket::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    let mut buf = [0; 64];
    a.send_to(b"datagram", b.local_addr()?)?;
    let (n, from) = b.recv_from(&mut buf)?;
    assert_eq!((&buf[..n], from), (&b"datagram"[..], a.local_addr()?));
    b.set_read_timeout(Some(Duration::from_millis(5)))?;
    let late = b.recv(&mut buf).unwrap_err().kind();
    let listener = UnixListener::bind("socket")?;
    let client = thread::spawn(|| {
        let mut text = String::new();
        UnixStream::connect("socket").unwrap().read_to_string(&mut text).unwrap();
        text
    });
    listener.accept()?.0.write_all(b"by a path")?;
    println!("sockets {} {}", client.join().unwrap(), late == ErrorKind::WouldBlock);
    Ok(())
}

fn clocks() {
    let (start, wall) = (Instant::now(), SystemTime::now());
    for _ in 0..5 {
        let before = Instant::now();
        thread::sleep(Duration::from_millis(2));
        assert!(before.elapsed() >= Duration::from_millis(2));
    }
    assert!(wall.elapsed().unwrap() < Duration::from_secs(60));
    println!("clocks {}", start.elapsed() >= Duration::from_millis(10));
}

/// Unwinding through frames with what has to be dropped, a C function of the standard library's sort among them, and again.
fn unwinding() {
    struct Counts<'a>(&'a mut u32);
    impl Drop for Counts<'_> {
        fn drop(&mut self) {
            *self.0 += 1;
        }
    }
    let mut dropped = 0;
    for round in 0..100 {
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            let _a = Counts(&mut dropped);
            let mut v: Vec<u32> = (0..100).rev().collect();
            v.sort_by(|a, b| {
                assert!(black_box(*a) != 50 || round % 2 == 0, "round {round}");
                a.cmp(b)
            });
            v[round % 100]
        }));
        match caught {
            Ok(v) => assert_eq!(v as usize, round),
            Err(e) => assert_eq!(*e.downcast::<String>().unwrap(), format!("round {round}")),
        }
    }
    println!("unwinding {dropped}");
}

fn numbers() {
    let x: f64 = black_box(0.1);
    println!("numbers {} {:e} {:.3} {:?} {}", x + 0.2, f64::MAX, black_box(2.0f32).sqrt(), f32::MIN_POSITIVE, f64::NAN);
    println!("integers {} {} {:?}", u128::MAX / black_box(1_000_000_007), black_box(i128::MIN) >> 65, black_box(200u8).checked_add(56));
    println!("parsed {:?} {:?}", "1e-320".parse::<f64>(), "99999999999".parse::<i32>().is_err());
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    files().unwrap();
    tcp().unwrap();
    other_sockets().unwrap();
    clocks();
    unwinding();
    numbers();
}
