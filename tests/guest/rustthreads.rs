// guest: timeout=120
//! Threads of Rust's standard library, and all that it has to keep them together.
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::hint::black_box;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::mpsc::{channel, sync_channel, RecvTimeoutError, TryRecvError, TrySendError};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, OnceLock, RwLock};
use std::thread;
use std::time::{Duration, Instant};

const THREADS: u64 = 8;

fn mutexes() {
    let count = Arc::new(Mutex::new(0u64));
    let map = Arc::new(Mutex::new(HashMap::new()));
    let threads: Vec<_> = (0..THREADS)
        .map(|n| {
            let (count, map) = (Arc::clone(&count), Arc::clone(&map));
            thread::spawn(move || {
                for i in 0..2000 {
                    *count.lock().unwrap() += n;
                    if i % 20 == 0 {
                        *map.lock().unwrap().entry(i).or_insert(0) += n;
                    }
                }
            })
        })
        .collect();
    for t in threads {
        t.join().unwrap();
    }
    let map = map.lock().unwrap();
    println!("mutexes {} {} {}", count.lock().unwrap(), map.len(), map.values().sum::<u64>());
}

/// Writers add pairs, readers never see half of one.
fn readers_and_writers() {
    let pairs = RwLock::new(Vec::new());
    let done = AtomicBool::new(false);
    let seen = AtomicUsize::new(0);
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                while !done.load(Acquire) {
                    let pairs = pairs.read().unwrap();
                    assert!(pairs.chunks(2).all(|p: &[u64]| p.len() == 2 && p[0] == !p[1]));
                    seen.fetch_max(pairs.len(), Relaxed);
                    thread::yield_now();
                }
            });
        }
        let writers: Vec<_> = (0..2)
            .map(|n| {
                let pairs = &pairs;
                s.spawn(move || {
                    for i in 0..300u64 {
                        let mut pairs = pairs.write().unwrap();
                        pairs.push(n * 1000 + i);
                        thread::yield_now();
                        pairs.push(!(n * 1000 + i));
                    }
                })
            })
            .collect();
        for w in writers {
            w.join().unwrap();
        }
        done.store(true, Release);
    });
    assert!(seen.into_inner() <= 1200);
    println!("pairs {}", pairs.into_inner().unwrap().len() / 2);
}

/// A queue with room for four.
fn conditions() {
    struct Queue {
        items: Mutex<VecDeque<u64>>,
        more: Condvar,
        less: Condvar,
    }
    let q = Queue { items: Mutex::default(), more: Condvar::new(), less: Condvar::new() };
    let total = AtomicU64::new(0);
    thread::scope(|s| {
        for n in 0..4 {
            let (q, total) = (&q, &total);
            s.spawn(move || {
                for i in 0..500 {
                    let mut items = q.less.wait_while(q.items.lock().unwrap(), |v| v.len() == 4).unwrap();
                    items.push_back(n * 500 + i);
                    q.more.notify_one();
                }
            });
            s.spawn(move || {
                for _ in 0..500 {
                    let mut items = q.items.lock().unwrap();
                    while items.is_empty() {
                        items = q.more.wait(items).unwrap();
                    }
                    total.fetch_add(items.pop_front().unwrap(), Relaxed);
                    q.less.notify_all();
                }
            });
        }
    });
    let (_items, late) = q.more.wait_timeout(q.items.lock().unwrap(), Duration::from_millis(5)).unwrap();
    println!("conditions {} {}", total.into_inner(), late.timed_out());
}

fn channels() {
    let (tx, rx) = channel();
    for n in 0..THREADS {
        let tx = tx.clone();
        thread::spawn(move || (0..500).for_each(|i| tx.send((n, i)).unwrap()));
    }
    drop(tx);
    // What one thread sends comes in its order.
    let mut next = [0; THREADS as usize];
    for (n, i) in rx.iter() {
        assert_eq!(next[n as usize], i);
        next[n as usize] += 1;
    }
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));

    let (to, from_main) = sync_channel::<u64>(0);
    let (back, answers) = sync_channel(1);
    let echo = thread::spawn(move || from_main.iter().for_each(|v| back.send(v * v).unwrap()));
    let squares: u64 = (0..200)
        .map(|v| {
            to.send(v).unwrap();
            answers.recv().unwrap()
        })
        .sum();
    assert_eq!(answers.recv_timeout(Duration::from_millis(2)), Err(RecvTimeoutError::Timeout));
    drop(to);
    echo.join().unwrap();

    let (full, _rx) = sync_channel(1);
    full.send(1).unwrap();
    assert_eq!(full.try_send(2), Err(TrySendError::Full(2)));
    println!("channels {} {squares}", next.iter().sum::<u64>());
}

fn barriers() {
    let barrier = Barrier::new(THREADS as usize);
    let (leaders, phase) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                for round in 0..50 {
                    assert_eq!(phase.load(SeqCst) / THREADS, round);
                    barrier.wait();
                    phase.fetch_add(1, SeqCst);
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, SeqCst);
                    }
                }
            });
        }
    });
    println!("barriers {} {}", leaders.into_inner(), phase.into_inner());
}

static ONCE: Once = Once::new();
static CELL: OnceLock<String> = OnceLock::new();
static RUNS: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Dropped(u64);

impl Drop for Dropped {
    fn drop(&mut self) {
        DROPPED.fetch_add(self.0 as usize, SeqCst);
    }
}

thread_local!(static LOCAL: RefCell<Dropped> = const { RefCell::new(Dropped(0)) });

/// What is done once, and what each thread has for itself until it ends.
fn once_and_locals() {
    let threads: Vec<_> = (1..=THREADS)
        .map(|n| {
            thread::spawn(move || {
                ONCE.call_once(|| {
                    thread::sleep(Duration::from_millis(2));
                    RUNS.fetch_add(1, SeqCst);
                });
                assert_eq!(RUNS.load(SeqCst), 1);
                LOCAL.with(|l| l.borrow_mut().0 = n);
                thread::yield_now();
                assert_eq!(LOCAL.with(|l| l.borrow().0), n);
                CELL.get_or_init(|| "made once".to_string()).as_ptr() as usize
            })
        })
        .collect();
    let mut places: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    places.dedup();
    println!("once {} {} {}", places.len(), CELL.get().unwrap(), DROPPED.load(SeqCst));
}

fn parking() {
    let turn = Arc::new(AtomicU64::new(0));
    let main = thread::current();
    let other = thread::spawn({
        let turn = Arc::clone(&turn);
        move || {
            for _ in 0..300 {
                while turn.load(Acquire) % 2 == 0 {
                    thread::park();
                }
                turn.fetch_add(1, AcqRel);
                main.unpark();
            }
        }
    });
    for _ in 0..300 {
        turn.fetch_add(1, AcqRel);
        other.thread().unpark();
        while turn.load(Acquire) % 2 == 1 {
            thread::park();
        }
    }
    other.join().unwrap();
    let start = Instant::now();
    thread::park_timeout(Duration::from_millis(5));
    assert!(start.elapsed() >= Duration::from_millis(1) || turn.load(Relaxed) == 600);
    println!("parking {}", turn.load(Relaxed));
}

/// Panics unwind a thread's stack, drop what lies on it, and are its result.
fn panics() {
    let before = DROPPED.load(SeqCst);
    let poisoned = Arc::new(Mutex::new(1));
    let result = thread::spawn({
        let poisoned = Arc::clone(&poisoned);
        move || {
            let _on_stack = Dropped(100);
            let _guard = poisoned.lock().unwrap();
            fn deep(n: u32) -> u32 {
                let _each = Dropped(1);
                if n == 0 {
                    panic!("from {} deep", black_box(20));
                }
                deep(black_box(n) - 1) + 1
            }
            deep(20)
        }
    })
    .join();
    let said = result.unwrap_err().downcast::<String>().unwrap();
    let caught = panic::catch_unwind(|| [1, 2, 3][black_box(3)]).is_err();
    println!("panics '{said}' {} {} {caught}", DROPPED.load(SeqCst) - before, poisoned.is_poisoned());
}

/// A stack of nodes without a lock. They are freed at the end alone, so that none comes back under the same address.
fn without_locks() {
    struct Node {
        value: u64,
        next: *mut Node,
    }
    let top = AtomicPtr::new(std::ptr::null_mut::<Node>());
    let (popped, freed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    thread::scope(|s| {
        for n in 0..4 {
            let (top, popped, freed) = (&top, &popped, &freed);
            s.spawn(move || {
                for i in 0..1000 {
                    let node = Box::into_raw(Box::new(Node { value: n * 1000 + i, next: std::ptr::null_mut() }));
                    let mut old = top.load(Relaxed);
                    loop {
                        unsafe { (*node).next = old };
                        match top.compare_exchange_weak(old, node, Release, Relaxed) {
                            Ok(_) => break,
                            Err(now) => old = now,
                        }
                    }
                }
            });
            s.spawn(move || {
                for _ in 0..1000 {
                    let mut old = top.load(Acquire);
                    loop {
                        if old.is_null() {
                            thread::yield_now();
                            old = top.load(Acquire);
                            continue;
                        }
                        let next = unsafe { (*old).next };
                        match top.compare_exchange_weak(old, next, Acquire, Acquire) {
                            Ok(_) => break,
                            Err(now) => old = now,
                        }
                    }
                    popped.fetch_add(unsafe { (*old).value }, Relaxed);
                    freed.lock().unwrap().push(old as usize);
                }
            });
        }
    });
    let freed = freed.into_inner().unwrap();
    freed.iter().for_each(|&node| drop(unsafe { Box::from_raw(node as *mut Node) }));
    println!("without locks {} {}", popped.into_inner(), freed.len());
}

fn many() {
    let threads: Vec<_> = (0..100)
        .map(|n| {
            thread::Builder::new()
                .name(format!("number {n}"))
                .stack_size(256 << 10)
                .spawn(move || {
                    let room = black_box([n as u8; 100 << 10]);
                    assert_eq!(thread::current().name(), Some(&*format!("number {n}")));
                    room.iter().map(|&b| b as u64).sum::<u64>() / (100 << 10)
                })
                .unwrap()
        })
        .collect();
    println!("many {}", threads.into_iter().map(|t| t.join().unwrap()).sum::<u64>());
}

fn main() {
    panic::set_hook(Box::new(|_| {}));
    mutexes();
    readers_and_writers();
    conditions();
    channels();
    barriers();
    once_and_locals();
    parking();
    panics();
    without_locks();
    many();
}
