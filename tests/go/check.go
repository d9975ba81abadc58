// What all programs share: a generator of pseudo-random numbers, checks, and the size of the work.
package main

import (
	"fmt"
	"os"
	"strconv"
)

// scale multiplies the amount of work of a program: SCALE of the environment, 1 without.
var scale = func() int {
	n, err := strconv.Atoi(os.Getenv("SCALE"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}()

// random is splitmix64: the same numbers everywhere.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

func (r *random) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.next())
	}
	return b
}

// must ends the program with status 1 when something that may not fail did.
func must(err error, what ...any) {
	if err != nil {
		fmt.Println("failed:", fmt.Sprint(what...), err)
		os.Exit(1)
	}
}

// check ends the program with status 1 when a condition does not hold.
func check(ok bool, format string, args ...any) {
	if !ok {
		fmt.Printf("failed: "+format+"\n", args...)
		os.Exit(1)
	}
}
