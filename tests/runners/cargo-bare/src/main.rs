//! Prints a line, without any library: for a nightly compiler that has no standard library of riscv64.
#![feature(no_core, lang_items, rustc_attrs)]
#![allow(internal_features)]
#![no_core]
#![no_main]

#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}

#[rustc_builtin_macro]
macro_rules! global_asm {
    () => {};
}

global_asm!(
    ".globl _start",
    "_start: li a0, 1",
    "la a1, text",
    "li a2, 14",
    "li a7, 64",
    "ecall",
    "li a0, 0",
    "li a7, 93",
    "ecall",
    ".section .rodata",
    "text: .ascii \"riscv64 alone\\n\""
);
