// Makelog makes a log in the files of c2sp.org/tlog-tiles with Go's own packages for such logs,
// and nothing of Stepwarden's:
//
//	makelog DIR SKEY SIZE
//
// The key's name is the log's origin. Entry i is "go entry i" and some padding.
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

type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, m[i])
	}
	return out, nil
}

func write(dir, path string, data []byte) {
	path = filepath.Join(dir, path)
	check(os.MkdirAll(filepath.Dir(path), 0o777))
	check(os.WriteFile(path, data, 0o666))
}

func main() {
	log.SetFlags(0)
	dir := os.Args[1]
	size, err := strconv.ParseInt(os.Args[3], 10, 64)
	check(err)
	var hashes memory
	var bundle bytes.Buffer
	for i := int64(0); i < size; i++ {
		entry := []byte(fmt.Sprintf("go entry %d%s", i, strings.Repeat(".", int(i%7))))
		added, err := tlog.StoredHashes(i, entry, hashes)
		check(err)
		hashes = append(hashes, added...)
		check(binary.Write(&bundle, binary.BigEndian, uint16(len(entry))))
		bundle.Write(entry)
		if width := int(i%256) + 1; width == 256 || i == size-1 {
			t := tlog.Tile{H: height, L: -1, N: i / 256, W: width}
			write(dir, "tile/entries/"+strings.TrimPrefix(t.Path(), "tile/8/data/"), bundle.Bytes())
			bundle.Reset()
		}
	}
	for _, t := range tlog.NewTiles(height, 0, size) {
		data, err := tlog.ReadTileData(t, hashes)
		check(err)
		write(dir, "tile/"+strings.TrimPrefix(t.Path(), "tile/8/"), data)
	}
	root, err := tlog.TreeHash(size, hashes)
	check(err)
	signer, err := note.NewSigner(os.Args[2])
	check(err)
	text := fmt.Sprintf("%s\n%d\n%v\n", signer.Name(), size, root)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	check(err)
	write(dir, "checkpoint", signed)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
