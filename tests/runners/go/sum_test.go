package main

import (
	"runtime"
	"testing"
)

func TestSum(t *testing.T) {
	if n := sum([]string{"2", "3"}); n != 5 {
		t.Errorf("2 + 3 is %d", n)
	}
	t.Log("on", runtime.GOARCH)
}
