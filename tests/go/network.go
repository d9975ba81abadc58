// The network on loopback: TCP, UDP, Unix sockets, an HTTP server with many clients, deadlines, errors.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"sync"
	"syscall"
	"time"
)

// echo serves l until it is closed.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			check(errors.Is(err, net.ErrClosed), "accept: %v", err)
			return
		}
		go func() {
			_, err := io.Copy(c, c)
			must(err, "echo")
			c.Close()
		}()
	}
}

func stream(network, address string, conns, size int) {
	l, err := net.Listen(network, address)
	must(err, "listen ", network)
	go echo(l)
	var wg sync.WaitGroup
	for i := 0; i < conns; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			c, err := net.Dial(network, l.Addr().String())
			must(err, "dial")
			defer c.Close()
			r := random(i)
			data := r.bytes(size)
			go func() {
				_, err := c.Write(data)
				must(err, "write")
				must(c.(interface{ CloseWrite() error }).CloseWrite(), "shutdown")
			}()
			got, err := io.ReadAll(c)
			must(err, "read")
			check(bytes.Equal(got, data), "%s connection %d: %d bytes came back changed", network, i, len(got))
		}(i)
	}
	wg.Wait()
	must(l.Close(), "close")
	fmt.Println(network, conns, size)
}

func packets(network, a, b string, n int) {
	server, err := net.ListenPacket(network, a)
	must(err, "listen ", network)
	defer server.Close()
	client, err := net.ListenPacket(network, b)
	must(err, "listen ", network)
	defer client.Close()
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			for i := range buf[:n] {
				buf[i] ^= 0x55
			}
			server.WriteTo(buf[:n], from)
		}
	}()
	buf := make([]byte, 2000)
	for i := 0; i < n; i++ {
		r := random(i)
		data := r.bytes(1 + r.below(1400))
		_, err := client.WriteTo(data, server.LocalAddr())
		must(err, "send")
		must(client.SetReadDeadline(time.Now().Add(20*time.Second)), "deadline")
		got, _, err := client.ReadFrom(buf)
		must(err, "receive")
		check(got == len(data) && buf[got-1] == data[got-1]^0x55, "packet %d is wrong", i)
	}
	fmt.Println(network, n)
}

func failures() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err, "listen")
	_, err = net.Listen("tcp", l.Addr().String())
	fmt.Println("twice:", errors.Is(err, syscall.EADDRINUSE))
	c, err := net.Dial("tcp", l.Addr().String())
	must(err, "dial")
	must(c.SetReadDeadline(time.Now().Add(10*time.Millisecond)), "deadline")
	_, err = c.Read(make([]byte, 1))
	fmt.Println("deadline:", errors.Is(err, os.ErrDeadlineExceeded))
	go func() { time.Sleep(5 * time.Millisecond); c.Close() }()
	must(c.SetReadDeadline(time.Time{}), "deadline")
	_, err = c.Read(make([]byte, 1))
	fmt.Println("closed:", errors.Is(err, net.ErrClosed))
	l.Close()
	_, err = net.Dial("tcp", l.Addr().String())
	fmt.Println("refused:", errors.Is(err, syscall.ECONNREFUSED))
	ips, err := net.LookupHost("localhost")
	fmt.Println("localhost:", err == nil && len(ips) > 0)
	ifs, err := net.Interfaces()
	must(err, "interfaces")
	for _, i := range ifs {
		if i.Flags&net.FlagLoopback != 0 {
			fmt.Println("interface:", i.Name, i.MTU)
		}
	}
}

// httpWork: a server, and clients that keep their connections, post and get.
func httpWork(clients, requests int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err, "listen")
	mux := http.NewServeMux()
	mux.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.Copy(h, r.Body)
		must(err, "body")
		json.NewEncoder(w).Encode(map[string]any{"size": n, "sum": h.Sum(nil), "method": r.Method})
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := &http.Server{Handler: mux}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	base := "http://" + l.Addr().String()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	var wg sync.WaitGroup
	for c := 0; c < clients; c++ {
		wg.Add(1)
		go func(c int) {
			defer wg.Done()
			r := random(c)
			for i := 0; i < requests; i++ {
				data := r.bytes(r.below(20000))
				resp, err := client.Post(base+"/sum", "application/octet-stream", bytes.NewReader(data))
				must(err, "post")
				var got struct {
					Size int
					Sum  []byte
				}
				must(json.NewDecoder(resp.Body).Decode(&got), "answer")
				resp.Body.Close()
				want := sha256.Sum256(data)
				check(got.Size == len(data) && bytes.Equal(got.Sum, want[:]), "client %d: wrong answer", c)
			}
		}(c)
	}
	wg.Wait()
	hasty := &http.Client{Timeout: 20 * time.Millisecond}
	_, err = hasty.Get(base + "/slow")
	var ne net.Error
	fmt.Println("timeout:", errors.As(err, &ne) && ne.Timeout())
	client.CloseIdleConnections()
	server.Close()
	check(errors.Is(<-served, http.ErrServerClosed), "serve")
	fmt.Println("http", clients, requests)
}

type Arith int

func (Arith) Multiply(args [2]int, reply *int) error { *reply = args[0] * args[1]; return nil }

func rpcs(n int) {
	a, b := net.Pipe()
	s := rpc.NewServer()
	must(s.Register(Arith(0)), "register")
	go s.ServeConn(a)
	c := rpc.NewClient(b)
	sum := 0
	for i := 0; i < n; i++ {
		var v int
		must(c.Call("Arith.Multiply", [2]int{i, i + 1}, &v), "call")
		sum += v
	}
	must(c.Close(), "close")
	fmt.Println("rpc", sum)
}

// handOver sends a file's descriptor through a Unix socket.
func handOver() {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(err, "socketpair")
	f, err := os.Create("handed")
	must(err, "create")
	must(syscall.Sendmsg(fds[0], []byte("x"), syscall.UnixRights(int(f.Fd())), nil, 0), "sendmsg")
	f.Close()
	buf, oob := make([]byte, 8), make([]byte, 64)
	_, n, _, _, err := syscall.Recvmsg(fds[1], buf, oob, 0)
	must(err, "recvmsg")
	msgs, err := syscall.ParseSocketControlMessage(oob[:n])
	must(err, "control message")
	got, err := syscall.ParseUnixRights(&msgs[0])
	must(err, "rights")
	g := os.NewFile(uintptr(got[0]), "handed")
	_, err = g.WriteString("through")
	must(err, "write")
	g.Close()
	data, err := os.ReadFile("handed")
	must(err, "read")
	fmt.Println("handed over:", string(data))
}

func main() {
	dir, err := os.MkdirTemp("", "gonet")
	must(err, "folder")
	defer os.RemoveAll(dir)
	must(os.Chdir(dir), "chdir") // a socket's name may not be long
	stream("tcp", "127.0.0.1:0", 40*scale, 100000)
	stream("unix", "s", 20*scale, 100000)
	packets("udp", "127.0.0.1:0", "127.0.0.1:0", 300*scale)
	packets("unixgram", "a", "b", 100*scale)
	failures()
	httpWork(20*scale, 10)
	rpcs(200)
	handOver()
}
