//! Adds its arguments.

fn sum(words: impl Iterator<Item = String>) -> i64 {
    words.map(|w| w.parse::<i64>().expect("a number")).sum()
}

fn main() {
    println!("{} {}", std::env::consts::ARCH, sum(std::env::args().skip(1)));
}

#[test]
fn adds() {
    assert_eq!(sum(["2", "3"].into_iter().map(String::from)), 5);
}
