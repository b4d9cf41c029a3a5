// Cosignatures checks, and makes, the two kinds of c2sp.org/tlog-cosignature with Go's cryptography, written from
// the specification and with nothing of Stepwarden's:
//
//	cosignatures check FILE VKEY...   every key must have signed the checkpoint
//	cosignatures make TEXT NAME SEED  lines of both kinds over the checkpoint's text, then the two public keys
//
// SEED is hex; times are 1679315147.
package main

import (
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	ed25519Cosignature = 4
	mldsa44Cosignature = 6
	now                = 1679315147
)

func keyHash(name string, key []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write(key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func plainMessage(time uint64, text []byte) []byte {
	return append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), text...)
}

func subtreeMessage(name string, time uint64, text []byte) []byte {
	lines := strings.Split(string(text), "\n")
	size, err := strconv.ParseUint(lines[1], 10, 64)
	check(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	m := []byte("subtree/v1\n\x00")
	m = append(m, byte(len(name)))
	m = append(m, name...)
	m = binary.BigEndian.AppendUint64(m, time)
	m = append(m, byte(len(lines[0])))
	m = append(m, lines[0]...)
	m = binary.BigEndian.AppendUint64(m, 0)
	m = binary.BigEndian.AppendUint64(m, size)
	return append(m, root...)
}

// verifier is a note.Verifier for either kind.
type verifier struct {
	name string
	key  []byte
}

func (v verifier) Name() string    { return v.name }
func (v verifier) KeyHash() uint32 { return keyHash(v.name, v.key) }

func (v verifier) Verify(msg, sig []byte) bool {
	time, sig := binary.BigEndian.Uint64(sig), sig[8:]
	if v.key[0] == ed25519Cosignature {
		return ed25519.Verify(ed25519.PublicKey(v.key[1:]), plainMessage(time, msg), sig)
	}
	key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), v.key[1:])
	check(err)
	return mldsa.Verify(key, subtreeMessage(v.name, time, msg), sig, nil) == nil
}

func checkAll(file string, vkeys []string) {
	msg, err := os.ReadFile(file)
	check(err)
	for _, vkey := range vkeys {
		parts := strings.SplitN(vkey, "+", 3)
		key, err := base64.StdEncoding.DecodeString(parts[2])
		check(err)
		v := verifier{name: parts[0], key: key}
		if fmt.Sprintf("%08x", v.KeyHash()) != parts[1] {
			log.Fatalf("%s: the key's id is %08x", vkey, v.KeyHash())
		}
		n, err := note.Open(msg, note.VerifierList(v))
		check(err)
		if len(n.Sigs) != 1 {
			log.Fatalf("%s signed %d times", v.name, len(n.Sigs))
		}
	}
}

func line(name string, key, sig []byte) {
	data := binary.BigEndian.AppendUint32(nil, keyHash(name, key))
	data = binary.BigEndian.AppendUint64(data, now)
	fmt.Printf("— %s %s\n", name, base64.StdEncoding.EncodeToString(append(data, sig...)))
}

func vkey(name string, key []byte) {
	fmt.Printf("%s+%08x+%s\n", name, keyHash(name, key), base64.StdEncoding.EncodeToString(key))
}

func makeBoth(file, name, seed string) {
	text, err := os.ReadFile(file)
	check(err)
	secret, err := hex.DecodeString(seed)
	check(err)
	plain := ed25519.NewKeyFromSeed(secret)
	plainKey := append([]byte{ed25519Cosignature}, plain.Public().(ed25519.PublicKey)...)
	line(name, plainKey, ed25519.Sign(plain, plainMessage(now, text)))
	large, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), secret)
	check(err)
	largeKey := append([]byte{mldsa44Cosignature}, large.PublicKey().Bytes()...)
	sig, err := large.Sign(nil, subtreeMessage(name, now, text), nil)
	check(err)
	line(name, largeKey, sig)
	vkey(name, plainKey)
	vkey(name, largeKey)
}

func main() {
	log.SetFlags(0)
	if os.Args[1] == "check" {
		checkAll(os.Args[2], os.Args[3:])
	} else {
		makeBoth(os.Args[2], os.Args[3], os.Args[4])
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
