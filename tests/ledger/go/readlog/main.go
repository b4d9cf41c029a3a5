// Readlog reads a log in the files of c2sp.org/tlog-tiles with Go's own packages for such logs,
// and nothing of Stepwarden's:
//
//	readlog DIR VKEY [OLD...]
//
// It opens the checkpoint with note.Open; reads every tile through tlog.TileHashReader, which checks
// them against the signed root; computes the root again from the entry bundles; proves and checks the
// inclusion of every record; and proves and checks that the log goes on from each OLD checkpoint.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// path is where tlog-tiles puts a tile: without the height, and entries instead of data.
func path(t tlog.Tile) string {
	p := strings.TrimPrefix(t.Path(), "tile/8/")
	return "tile/" + strings.Replace(p, "data/", "entries/", 1)
}

// dir is a log in a directory; a tlog.TileReader.
type dir string

func (d dir) Height() int { return height }

func (d dir) SaveTiles([]tlog.Tile, [][]byte) {}

func (d dir) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, t := range tiles {
		b, err := os.ReadFile(filepath.Join(string(d), path(t)))
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

// memory is the hashes of a tree that was built here, entry by entry; a tlog.HashReader.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, m[i])
	}
	return out, nil
}

func open(file, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	check(err)
	msg, err := os.ReadFile(file)
	check(err)
	n, err := note.Open(msg, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("%s is no checkpoint of %s", file, verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: hash}
}

func bundle(d dir, n, size int64) [][]byte {
	width := size - n*256
	if width > 256 {
		width = 256
	}
	data, err := os.ReadFile(filepath.Join(string(d), path(tlog.Tile{H: height, L: -1, N: n, W: int(width)})))
	check(err)
	var entries [][]byte
	for len(data) > 0 {
		length := int(binary.BigEndian.Uint16(data))
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	if int64(len(entries)) != width {
		log.Fatalf("bundle %d holds %d entries, want %d", n, len(entries), width)
	}
	return entries
}

func main() {
	log.SetFlags(0)
	d := dir(os.Args[1])
	tree := open(filepath.Join(string(d), "checkpoint"), os.Args[2])

	var hashes memory
	var records []tlog.Hash
	for n := int64(0); n*256 < tree.N; n++ {
		for _, entry := range bundle(d, n, tree.N) {
			added, err := tlog.StoredHashes(int64(len(records)), entry, hashes)
			check(err)
			hashes = append(hashes, added...)
			records = append(records, tlog.RecordHash(entry))
		}
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	check(err)
	if root != tree.Hash {
		log.Fatalf("the entries lead to %v, the checkpoint says %v", root, tree.Hash)
	}

	tiles := 0
	for _, t := range tlog.NewTiles(height, 0, tree.N) {
		if t.W < 256 && int64(t.W) != tree.N>>(height*uint(t.L))%256 {
			continue // some versions of NewTiles name the partial tiles of every smaller size too
		}
		tiles++
		want, err := tlog.ReadTileData(t, hashes)
		check(err)
		got, err := d.ReadTiles([]tlog.Tile{t})
		check(err)
		if !bytes.Equal(got[0], want) {
			log.Fatalf("%s does not hold the hashes of the entries", path(t))
		}
	}

	reader := tlog.TileHashReader(tree, d)
	step := int64(1)
	if tree.N > 2000 { // each proof reads and checks all its tiles again
		step = tree.N / 500
	}
	proofs := 0
	for i := int64(0); i < tree.N; i += step {
		proof, err := tlog.ProveRecord(tree.N, i, reader)
		check(err)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, i, records[i]))
		proofs++
	}
	for _, file := range os.Args[3:] {
		old := open(file, os.Args[2])
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	}
	fmt.Printf("size %d root %v tiles %d records %d past %d\n", tree.N, root, tiles, proofs, len(os.Args)-3)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
