//! Adds its arguments.

fn sum(words: impl Iterator<Item = String>) -> i64 {
    words.map(|w| w.parse::<i64>().expect("a number")).sum()
}

fn main() {
    println!("{} {}", std::env::consts::ARCH, sum(std::env::args().skip(1)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, process::Command, sync::mpsc, thread};

    #[test]
    fn adds() {
        assert_eq!(sum(["2", "3"].into_iter().map(String::from)), 5);
    }

    #[test]
    fn adds_in_threads() {
        let (tx, rx) = mpsc::channel();
        for n in 1..=8 {
            let tx = tx.clone();
            thread::spawn(move || tx.send(sum((0..n).map(|i| i.to_string()))).unwrap());
        }
        drop(tx);
        assert_eq!(rx.iter().sum::<i64>(), 84);
    }

    /// The test program's own child, which this machine's kernel could not start by itself.
    #[test]
    fn has_children() {
        let out = Command::new(env::current_exe().unwrap()).arg("--list").output().unwrap();
        assert!(String::from_utf8(out.stdout).unwrap().contains("tests::has_children: test\n"));
    }

    #[test]
    #[should_panic(expected = "a number")]
    fn refuses_words() {
        sum(["x".to_string()].into_iter());
    }
}
