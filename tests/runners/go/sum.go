// Adds its arguments.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
)

func sum(words []string) (n int) {
	for _, w := range words {
		v, err := strconv.Atoi(w)
		if err != nil {
			panic(err)
		}
		n += v
	}
	return n
}

func main() { fmt.Println(runtime.GOARCH, sum(os.Args[1:])) }
