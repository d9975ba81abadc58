// Computation by the standard library: numbers, sorting, text, compression, hashes, encodings.
package main

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/big"
	"math/bits"
	"math/cmplx"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"text/template"
)

func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b))[:16] }

func numbers() {
	f := big.NewInt(1)
	for i := int64(2); i <= 2000; i++ {
		f.Mul(f, big.NewInt(i))
	}
	fmt.Println("factorial", digest([]byte(f.String())))
	p, _ := new(big.Int).SetString("170141183460469231731687303715884105727", 10)
	fmt.Println("prime", p.ProbablyPrime(10), new(big.Int).Exp(big.NewInt(3), f, p), new(big.Int).ModInverse(big.NewInt(99), p))
	q, r := new(big.Int).QuoRem(f, new(big.Int).Exp(p, big.NewInt(40), nil), new(big.Int))
	fmt.Println("divide", digest(q.Bytes()), digest(r.Bytes()))
	x := new(big.Float).SetPrec(500).SetInt64(2)
	fmt.Println("root", x.Sqrt(x).Text('g', 120))
	fmt.Println("rational", new(big.Rat).SetFrac64(355, 113).FloatString(30))
}

func floats() {
	r := random(3)
	var text []string
	for i := 0; i < 3000; i++ {
		v := math.Float64frombits(r.next())
		s := strconv.FormatFloat(v, 'g', -1, 64)
		back, err := strconv.ParseFloat(s, 64)
		check(err == nil && (back == v || v != v), "%s: %v", s, err)
		text = append(text, s, strconv.FormatFloat(v, 'e', 7, 32))
	}
	fmt.Println("format", digest([]byte(strings.Join(text, " "))))
	// Each of these is either exact or rounded to few enough digits to be the same on every machine.
	for _, v := range []float64{0, 0.5, 1, -2.5, 1e10, 123.456} {
		fmt.Printf("%.9g %.9g %.9g %.9g %v %v %v\n", math.Sin(v), math.Exp(v/1e9), math.Log1p(math.Abs(v)), math.Atan(v),
			math.Floor(v), math.RoundToEven(v), math.Trunc(v))
	}
	fmt.Println(math.FMA(1e16, 1+0x1p-52, -1e16), math.Hypot(3, 4), math.Inf(-1), math.Mod(7.5, -2), math.Remainder(7.5, 2))
	fmt.Printf("%.9g\n", cmplx.Pow(2+3i, 1i))
	hi, lo := bits.Mul64(r.next(), r.next())
	fmt.Println(hi, lo, bits.OnesCount64(hi), bits.LeadingZeros64(lo>>9), bits.Reverse64(lo), bits.RotateLeft32(uint32(lo), 7))
	huge, nan := math.Inf(1), math.NaN()
	fmt.Println(huge > 1e308, nan == nan, nan < 1, math.Signbit(math.Copysign(0, -1)), float32(huge), int8(uint8(r.below(256))))
}

type record struct {
	ID    int               `json:"id"`
	Name  string            `json:"name"`
	Score float64           `json:"score"`
	Tags  []string          `json:"tags,omitempty"`
	More  map[string]record `json:"more,omitempty"`
}

func records(r *random, n, depth int) (all []record) {
	for i := 0; i < n; i++ {
		rec := record{ID: int(r.next() >> 20), Name: fmt.Sprintf("n\"%d<é>", r.below(1000)), Score: float64(r.below(1e9)) / 128}
		for t := r.below(4); t > 0; t-- {
			rec.Tags = append(rec.Tags, strconv.Itoa(r.below(100)))
		}
		if depth > 0 {
			rec.More = map[string]record{}
			for k, m := range records(r, 2, depth-1) {
				rec.More[fmt.Sprint("k", k)] = m
			}
		}
		all = append(all, rec)
	}
	return
}

func encodings(n int) {
	r := random(5)
	recs := records(&r, n, 2)
	text, err := json.MarshalIndent(recs, "", " ")
	must(err, "json")
	var back []record
	must(json.Unmarshal(text, &back), "json")
	again, err := json.MarshalIndent(back, "", " ")
	must(err, "json")
	fmt.Println("json", len(text), digest(text), bytes.Equal(text, again))
	var buf bytes.Buffer
	must(gob.NewEncoder(&buf).Encode(recs), "gob")
	var third []record
	must(gob.NewDecoder(&buf).Decode(&third), "gob")
	fmt.Println("gob", fmt.Sprint(third) == fmt.Sprint(back))
	var out bytes.Buffer
	t := template.Must(template.New("t").Parse(`{{range $i, $r := .}}{{$i}}:{{printf "%08x" $r.ID}} {{$r.Name | html}}
{{end}}`))
	must(t.Execute(&out, recs), "template")
	fmt.Println("template", digest(out.Bytes()))
	re := regexp.MustCompile(`(?i)"name": "n\\"(\d+)[^"]*",\s+"score": ([\d.]+)`)
	sum := 0.0
	for _, m := range re.FindAllStringSubmatch(string(text), -1) {
		a, _ := strconv.ParseFloat(m[1], 64)
		b, _ := strconv.ParseFloat(m[2], 64)
		sum += a + b
	}
	fmt.Println("regexp", sum)
	for level := 1; level <= 9; level += 4 {
		var z bytes.Buffer
		w, err := gzip.NewWriterLevel(&z, level)
		must(err, "gzip")
		w.Write(text)
		must(w.Close(), "gzip")
		rd, err := gzip.NewReader(&z)
		must(err, "gzip")
		size := z.Len()
		got, err := io.ReadAll(rd)
		must(err, "gzip")
		fmt.Println("gzip", level, size, bytes.Equal(got, text))
	}
	var z bytes.Buffer
	w, _ := flate.NewWriter(&z, flate.HuffmanOnly)
	w.Write(text)
	w.Close()
	fmt.Println("flate", digest(z.Bytes()), len(base64.StdEncoding.EncodeToString(z.Bytes())))
}

func hashes(n int) {
	r := random(9)
	data := r.bytes(n)
	fmt.Printf("%x %x %x %08x\n", sha256.Sum256(data), md5.Sum(data), sha512.Sum512(data), crc32.ChecksumIEEE(data))
	block, err := aes.NewCipher(data[:32])
	must(err, "aes")
	gcm, err := cipher.NewGCM(block)
	must(err, "gcm")
	sealed := gcm.Seal(nil, data[:12], data, []byte("more"))
	open, err := gcm.Open(nil, data[:12], sealed, []byte("more"))
	must(err, "gcm")
	fmt.Println("aes", digest(sealed), bytes.Equal(open, data))
	curve := elliptic.P256()
	key := &ecdsa.PrivateKey{D: new(big.Int).SetBytes(data[:31])}
	key.Curve = curve
	key.X, key.Y = curve.ScalarBaseMult(data[:31])
	sig, err := ecdsa.SignASN1(zeros{}, key, data[:32])
	must(err, "sign")
	fmt.Println("ecdsa", key.X, ecdsa.VerifyASN1(&key.PublicKey, data[:32], sig), ecdsa.VerifyASN1(&key.PublicKey, data[1:33], sig))
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return copy(b, bytes.Repeat([]byte{1}, len(b))), nil }

func sorts(n int) {
	r := random(11)
	a := make([]int, n)
	words := make([]string, n)
	for i := range a {
		a[i] = r.below(n)
		words[i] = strconv.FormatUint(r.next(), 36)
	}
	b := append([]int{}, a...)
	sort.Ints(a)
	sort.SliceStable(b, func(i, j int) bool { return b[i]/10 < b[j]/10 })
	sort.Sort(sort.Reverse(sort.StringSlice(words)))
	text := strings.Join(words, ",")
	fmt.Println("sort", sort.IntsAreSorted(a), digest([]byte(fmt.Sprint(a, b))), digest([]byte(text)))
	fmt.Println("strings", strings.Count(text, "ab"), strings.Index(text, "zz"), digest([]byte(strings.ToUpper(strings.ReplaceAll(text, "a", "é")))),
		len(strings.FieldsFunc(text, func(c rune) bool { return c == '7' })), strings.EqualFold("STRASSE", "straſſe"))
}

func main() {
	numbers()
	floats()
	encodings(30 * scale)
	hashes(200000 * scale)
	sorts(5000 * scale)
}
