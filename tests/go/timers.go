// Timers, tickers, contexts with deadlines. Nothing may come early; how late it comes is the machine's affair.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

func sleepers(n int) {
	var wg sync.WaitGroup
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func(d time.Duration) {
			defer wg.Done()
			start := time.Now()
			time.Sleep(d)
			check(time.Since(start) >= d, "woke %v after %v", time.Since(start), d)
		}(time.Duration(i%50) * time.Millisecond)
	}
	wg.Wait()
	fmt.Println("sleepers", n)
}

func order() {
	ch := make(chan int, 10)
	start := time.Now()
	for i := 9; i >= 0; i-- {
		i, due := i, time.Duration(50+100*i)*time.Millisecond/2
		time.AfterFunc(due, func() {
			check(time.Since(start) >= due, "%d came after %v", i, time.Since(start))
			ch <- i
		})
	}
	// All come, each once. In which order is open: those that became due while the machine stood still run together.
	var seen [10]bool
	for range seen {
		i := <-ch
		check(!seen[i], "%d came twice", i)
		seen[i] = true
	}
	fmt.Println("order")
}

func stops() {
	var fired atomic.Int32
	var timers []*time.Timer
	for i := 0; i < 1000; i++ {
		timers = append(timers, time.AfterFunc(time.Hour, func() { fired.Add(1) }))
	}
	for i, t := range timers {
		if i%2 == 0 {
			check(t.Stop(), "timer %d was not running", i)
		} else {
			check(t.Reset(time.Millisecond), "timer %d was not running", i)
		}
	}
	for fired.Load() < 500 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(5 * time.Millisecond)
	fmt.Println("stops", fired.Load())
}

func ticks() {
	start := time.Now()
	t := time.NewTicker(3 * time.Millisecond)
	defer t.Stop()
	for i := 0; i < 30; i++ {
		// Not later than the one before: the runtime reads the clock and sends without a lock, and a thread that
		// stands still in between is overtaken by the next tick's (runOneTimer, sendTime of Go 1.19).
		at := <-t.C
		check(at.Sub(start) >= 3*time.Millisecond, "a tick after %v", at.Sub(start))
		check(!at.After(time.Now()), "a tick of the future")
	}
	// A tick that nobody fetched is dropped, but never more come than time has passed.
	check(time.Since(start) >= 30*3*time.Millisecond-2*time.Millisecond, "30 ticks in %v", time.Since(start))
	fmt.Println("ticks")
}

func contexts() {
	root, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var deadline, cancelled atomic.Int32
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			ctx, done := context.WithTimeout(root, time.Duration(1+i%2*3600000)*time.Millisecond)
			defer done()
			<-ctx.Done()
			switch {
			case errors.Is(ctx.Err(), context.DeadlineExceeded):
				deadline.Add(1)
			case errors.Is(ctx.Err(), context.Canceled):
				cancelled.Add(1)
			}
		}(i)
	}
	for deadline.Load() < 50 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	wg.Wait()
	fmt.Println("contexts", deadline.Load(), cancelled.Load())
}

// clocks: the monotonic clock never goes back, in any goroutine.
func clocks(n int) {
	var wg sync.WaitGroup
	for g := 0; g < 4; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			last := time.Now()
			for i := 0; i < n; i++ {
				now := time.Now()
				check(!now.Before(last), "time went back by %v", last.Sub(now))
				last = now
			}
		}()
	}
	wg.Wait()
	fmt.Println("clocks")
}

func main() {
	sleepers(500 * scale)
	order()
	stops()
	ticks()
	contexts()
	clocks(5000 * scale)
}
