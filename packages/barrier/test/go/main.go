// Takes part in barriers as etcd's own recipes do: a line on stdin is a step, a line on stdout is how it went.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"log"
	"os"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	recipe "go.etcd.io/etcd/client/v3/experimental/recipes"
)

func main() {
	hosts := flag.String("hosts", "", "host:port, separated by commas")
	name := flag.String("name", "", "the barrier")
	count := flag.Int("count", 1, "members of the double barrier")
	ttl := flag.Int("ttl", 10, "of the session, in seconds")
	flag.Parse()

	client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(*hosts, ",")})
	if err != nil {
		log.Fatal(err)
	}
	session, err := concurrency.NewSession(client, concurrency.WithTTL(*ttl))
	if err != nil {
		log.Fatal(err)
	}
	barrier := recipe.NewBarrier(client, *name)
	double := recipe.NewDoubleBarrier(session, *name, *count)
	steps := map[string]func() error{
		"hold":    barrier.Hold,
		"release": barrier.Release,
		"wait":    barrier.Wait,
		"enter":   double.Enter,
		"leave":   double.Leave,
	}

	say := json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		step := lines.Text()
		say.Encode(map[string]string{"step": step, "what": "begun"})
		if err := steps[step](); err != nil {
			say.Encode(map[string]string{"step": step, "what": "failed", "error": err.Error()})
		} else {
			say.Encode(map[string]string{"step": step, "what": "done"})
		}
	}
	// its keys go now, not when the lease runs out
	session.Close()
}
