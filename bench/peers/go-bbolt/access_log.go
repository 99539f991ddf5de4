package main

import (
	"bufio"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

// accessLog buffers its lines and writes them once a second, or when a buffer is full.
type accessLog struct {
	next  http.Handler
	mutex sync.Mutex
	lines *bufio.Writer
	line  []byte
}

type statusWriter struct {
	http.ResponseWriter
	status, bytes int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(data []byte) (int, error) {
	w.bytes += len(data)
	return w.ResponseWriter.Write(data)
}

func (l *accessLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	seen := statusWriter{ResponseWriter: w}
	l.next.ServeHTTP(&seen, r)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.line = append(append(l.line[:0], r.RemoteAddr...), " - - ["...)
	l.line = begin.AppendFormat(l.line, "02/Jan/2006:15:04:05 -0700")
	l.line = append(append(append(l.line, "] \""...), r.Method...), ' ')
	l.line = append(append(append(l.line, r.URL.EscapedPath()...), ' '), r.Proto...)
	l.line = append(strconv.AppendInt(append(l.line, "\" "...), int64(seen.status), 10), ' ')
	l.line = append(strconv.AppendInt(l.line, int64(seen.bytes), 10), ' ')
	l.line = append(strconv.AppendInt(l.line, time.Since(begin).Microseconds(), 10), '\n')
	l.lines.Write(l.line)
}

func newAccessLog(name string, next http.Handler) *accessLog {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0640)
	if err != nil {
		log.Fatal(err)
	}
	l := &accessLog{next: next, lines: bufio.NewWriterSize(file, 64<<10)}
	go func() {
		for range time.Tick(time.Second) {
			l.mutex.Lock()
			l.lines.Flush()
			l.mutex.Unlock()
		}
	}()
	return l
}
