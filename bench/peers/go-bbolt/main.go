// The message service in Go: net/http over bbolt, one durable commit (fdatasync) for a batch of POSTs.
//
// Serves TLS on -listen with -cert and -key, or plain HTTP on the unix socket -socket.
package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

var (
	bucket     = []byte("messages")
	listen     = flag.String("listen", "", "address of the TLS listener")
	cert       = flag.String("cert", "", "PEM certificate")
	key        = flag.String("key", "", "PEM key")
	socket     = flag.String("socket", "", "unix socket of the plain listener")
	file       = flag.String("store", "messages.bbolt", "store file")
	logFile    = flag.String("access-log", "", "one line for each request; none if empty")
	batchSize  = flag.Int("batch-size", 32, "a batch of this many is committed at once")
	batchDelay = flag.Duration("batch-delay", 500*time.Microsecond, "a batch waits for company this long")
)

type messages struct{ db *bbolt.DB }

func openStore() *bbolt.DB {
	db, err := bbolt.Open(*file, 0600, &bbolt.Options{
		// The free list is rebuilt on opening instead of being written in every commit.
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		// Room to grow without stopping all readers for a new mapping.
		InitialMmapSize: 4 << 30,
	})
	if err != nil {
		log.Fatal(err)
	}
	db.MaxBatchSize = *batchSize
	db.MaxBatchDelay = *batchDelay
	if err := db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	}); err != nil {
		log.Fatal(err)
	}
	return db
}

// get returns a copy of the message, or nil.
func (m messages) get(digest []byte) (message []byte) {
	m.db.View(func(tx *bbolt.Tx) error {
		if found := tx.Bucket(bucket).Get(digest); found != nil {
			message = append(make([]byte, 0, len(found)), found...)
		}
		return nil
	})
	return message
}

// put returns whether the message is new; it is on the disk then.
func (m messages) put(digest, message []byte) (created bool, err error) {
	known := false
	m.db.View(func(tx *bbolt.Tx) error {
		known = tx.Bucket(bucket).Get(digest) != nil
		return nil
	})
	if known {
		return false, nil
	}
	err = m.db.Batch(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		created = b.Get(digest) == nil
		if !created {
			return nil
		}
		return b.Put(digest, message)
	})
	return created, err
}

func answer(w http.ResponseWriter, status int, body any) {
	text, _ := json.Marshal(body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(text)
}

func fail(w http.ResponseWriter, status int, sentence string) {
	answer(w, status, map[string]string{"err_msg": sentence})
}

func (m messages) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
	var document struct{ Message *string }
	if err != nil || json.Unmarshal(body, &document) != nil || document.Message == nil {
		fail(w, http.StatusBadRequest, "The body must be a JSON object with a string \"message\".")
		return
	}
	digest := sha256.Sum256([]byte(*document.Message))
	created, err := m.put(digest[:], []byte(*document.Message))
	if err != nil {
		fail(w, http.StatusInternalServerError, "The message could not be stored.")
		return
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	answer(w, status, struct {
		Digest string `json:"digest"`
	}{hex.EncodeToString(digest[:])})
}

func (m messages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	below := strings.HasPrefix(r.URL.Path, "/messages/")
	name := strings.TrimPrefix(r.URL.Path, "/messages/")
	switch {
	case below && r.Method == http.MethodGet:
		digest, err := hex.DecodeString(name)
		var message []byte
		if err == nil && len(digest) == sha256.Size {
			message = m.get(digest)
		}
		if message == nil {
			fail(w, http.StatusNotFound, "Message not found for hash: "+name)
			return
		}
		answer(w, http.StatusOK, struct {
			Message string `json:"message"`
		}{string(message)})
	case r.URL.Path == "/messages" && r.Method == http.MethodPost:
		m.post(w, r)
	default:
		fail(w, http.StatusNotFound, "There is nothing here.")
	}
}

func main() {
	flag.Parse()
	var handler http.Handler = messages{openStore()}
	if *logFile != "" {
		handler = newAccessLog(*logFile, handler)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 20 * time.Second, IdleTimeout: time.Minute}
	if *socket != "" {
		os.Remove(*socket)
		listener, err := net.Listen("unix", *socket)
		if err != nil {
			log.Fatal(err)
		}
		log.Fatal(server.Serve(listener))
	}
	server.Addr = *listen
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	log.Fatal(server.ListenAndServeTLS(*cert, *key))
}
