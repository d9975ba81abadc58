// Goroutines, channels, select, and everything of sync, with checksums that do not depend on the schedule.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// ring sends a token round n goroutines; each adds its number.
func ring(n, rounds int) uint64 {
	first := make(chan uint64)
	in := first
	for i := 0; i < n; i++ {
		out := make(chan uint64)
		go func(i int, in <-chan uint64, out chan<- uint64) {
			for v := range in {
				out <- v*31 + uint64(i)
			}
			close(out)
		}(i, in, out)
		in = out
	}
	v := uint64(1)
	for i := 0; i < rounds; i++ {
		first <- v
		v = <-in
	}
	close(first)
	_, open := <-in
	check(!open, "the ring is still open")
	return v
}

// primes is the sieve of goroutines, one a prime.
func primes(n int) (sum int) {
	ch := make(chan int)
	stop := make(chan struct{})
	defer close(stop)
	send := func(to chan<- int, v int) bool {
		select {
		case to <- v:
			return true
		case <-stop:
			return false
		}
	}
	go func(to chan<- int) {
		for i := 2; send(to, i); i++ {
		}
	}(ch)
	for i := 0; i < n; i++ {
		prime := <-ch
		sum += prime
		next := make(chan int)
		go func(in <-chan int, out chan<- int) {
			for {
				select {
				case v := <-in:
					if v%prime != 0 && !send(out, v) {
						return
					}
				case <-stop:
					return
				}
			}
		}(ch, next)
		ch = next
	}
	return sum
}

// pool shares out work over a buffered channel and selects over what comes back.
func pool(workers, jobs int) uint64 {
	in := make(chan int, 16)
	out := [3]chan uint64{make(chan uint64), make(chan uint64, 1), make(chan uint64, 100)}
	var wg sync.WaitGroup
	for w := 0; w < workers; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range in {
				r := random(j)
				out[j%3] <- r.next()
			}
		}()
	}
	go func() {
		for j := 0; j < jobs; j++ {
			in <- j
		}
		close(in)
		wg.Wait()
		for _, o := range out {
			close(o)
		}
	}()
	sum, a, b, c := uint64(0), out[0], out[1], out[2]
	for a != nil || b != nil || c != nil {
		var v uint64
		var ok bool
		select {
		case v, ok = <-a:
			if !ok {
				a = nil
			}
		case v, ok = <-b:
			if !ok {
				b = nil
			}
		case v, ok = <-c:
			if !ok {
				c = nil
			}
		}
		sum += v
	}
	return sum
}

// locks has readers see no state that a writer left half way.
func locks(n int) (sum int) {
	var (
		rw   sync.RWMutex
		mu   sync.Mutex
		wg   sync.WaitGroup
		pair [2]int
		seen = map[int]int{}
	)
	for g := 0; g < 8; g++ {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				rw.Lock()
				pair[0]++
				if i%64 == 0 {
					runtime.Gosched()
				}
				pair[1]++
				rw.Unlock()
			}
		}()
		go func(g int) {
			defer wg.Done()
			for i := 0; i < n; i++ {
				rw.RLock()
				check(pair[0] == pair[1], "pair is %v", pair)
				rw.RUnlock()
				mu.Lock()
				seen[i%97] += g
				mu.Unlock()
			}
		}(g)
	}
	wg.Wait()
	for k, v := range seen {
		sum += k * v
	}
	return sum + pair[0]
}

// counters adds by atomics of each kind.
func counters(n int) string {
	var (
		a    atomic.Int64
		b    atomic.Uint32
		c    uint64
		flip atomic.Bool
		ptr  atomic.Pointer[int]
		val  atomic.Value
		wg   sync.WaitGroup
	)
	zero := 0
	ptr.Store(&zero)
	for g := 0; g < 6; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			for i := 0; i < n; i++ {
				a.Add(int64(i))
				b.Add(^uint32(0))
				for {
					old := atomic.LoadUint64(&c)
					if atomic.CompareAndSwapUint64(&c, old, old+3) {
						break
					}
				}
				flip.Swap(i%2 == 0)
				for {
					p := ptr.Load()
					v := *p + g
					if ptr.CompareAndSwap(p, &v) {
						break
					}
				}
				val.Store(i)
			}
		}(g)
	}
	wg.Wait()
	return fmt.Sprint(a.Load(), b.Load(), c, *ptr.Load(), val.Load())
}

// gates uses Cond, Once, Map and Pool.
func gates(n int) string {
	var (
		mu    sync.Mutex
		cond  = sync.NewCond(&mu)
		once  sync.Once
		m     sync.Map
		bufs  = sync.Pool{New: func() any { return new([64]byte) }}
		wg    sync.WaitGroup
		turn  int
		first int
	)
	for g := 0; g < n; g++ {
		wg.Add(1)
		go func(g int) {
			defer wg.Done()
			mu.Lock()
			for turn != g {
				cond.Wait()
			}
			turn++
			cond.Broadcast()
			mu.Unlock()
			once.Do(func() { first++ })
			buf := bufs.Get().(*[64]byte)
			buf[g%64] = byte(g)
			check(buf[g%64] == byte(g), "buffer in use twice")
			bufs.Put(buf)
			m.LoadOrStore(g%10, g)
		}(g)
	}
	wg.Wait()
	keys := 0
	m.Range(func(k, v any) bool { keys += k.(int); return true })
	return fmt.Sprint(turn, first, keys)
}

func main() {
	fmt.Println("ring", ring(100, 50*scale))
	fmt.Println("primes", primes(60))
	fmt.Println("pool", pool(20, 5000*scale))
	fmt.Println("locks", locks(500*scale))
	fmt.Println("counters", counters(3000*scale))
	fmt.Println("gates", gates(60))
	var wg sync.WaitGroup
	var sum atomic.Int64
	for i := 0; i < 10000; i++ {
		wg.Add(1)
		go func(i int) { sum.Add(int64(i)); wg.Done() }(i)
	}
	wg.Wait()
	fmt.Println("many", sum.Load())
}
