// Takes turns at a read-write lock as etcd's own recipe does, by readers and writers that release as soon as they hold.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
)

// What is told at the end, and who holds meanwhile: by the word of this process alone.
type record struct {
	sync.Mutex
	left, reading, writing int

	Reads    int `json:"reads"`
	Writes   int `json:"writes"`
	Overlaps int `json:"overlaps"`
	// The longest wait, in milliseconds.
	LongestMs float64 `json:"longestMs"`
}

// Whether a turn is left; it is taken then.
func (r *record) begin() bool {
	r.Lock()
	defer r.Unlock()
	r.left--
	return r.left >= 0
}

func (r *record) in(writes bool, waited time.Duration) {
	r.Lock()
	defer r.Unlock()
	if r.writing > 0 || (writes && r.reading > 0) {
		r.Overlaps++
	}
	if writes {
		r.writing++
		r.Writes++
	} else {
		r.reading++
		r.Reads++
	}
	if ms := float64(waited) / float64(time.Millisecond); ms > r.LongestMs {
		r.LongestMs = ms
	}
}

func (r *record) out(writes bool) {
	r.Lock()
	defer r.Unlock()
	if writes {
		r.writing--
	} else {
		r.reading--
	}
}

func main() {
	hosts := flag.String("hosts", "", "host:port, separated by commas")
	name := flag.String("name", "", "the lock")
	readers := flag.Int("readers", 0, "how many read")
	writers := flag.Int("writers", 0, "how many write")
	turns := flag.Int("turns", 1, "of all together")
	flag.Parse()

	client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(*hosts, ",")})
	if err != nil {
		log.Fatal(err)
	}
	all := &record{left: *turns}
	var done sync.WaitGroup
	for index := 0; index < *readers+*writers; index++ {
		writes := index >= *readers
		// its key is named for its session: each has one of its own
		session, err := concurrency.NewSession(client, concurrency.WithTTL(20))
		if err != nil {
			log.Fatal(err)
		}
		done.Add(1)
		go func() {
			defer done.Done()
			takeTurns(recipe.NewRWMutex(session, *name), writes, all)
			session.Close()
		}()
	}
	done.Wait()
	json.NewEncoder(os.Stdout).Encode(all)
}

func takeTurns(lock *recipe.RWMutex, writes bool, all *record) {
	acquire, release := lock.RLock, lock.RUnlock
	if writes {
		acquire, release = lock.Lock, lock.Unlock
	}
	for all.begin() {
		since := time.Now()
		if err := acquire(); err != nil {
			log.Fatal(err)
		}
		all.in(writes, time.Since(since))
		all.out(writes)
		if err := release(); err != nil {
			log.Fatal(err)
		}
	}
}
