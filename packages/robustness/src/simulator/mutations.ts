/** One place in the library, broken on purpose: the proof is worth what it catches. */
export interface Mutation {
  name: string;
  edits: { file: string; find: string; replace: string }[];
}

const edit = (file: string, find: string, replace: string) => ({ file, find, replace });

export const mutations: readonly Mutation[] = [
  {
    name: "no look at the own deadline before a win",
    edits: [
      edit(
        "core/src/place.ts",
        "    const reason = this.lease.lossReason;\n    if (reason) {",
        "    const reason = undefined;\n    if (reason) {",
      ),
    ],
  },
  {
    name: "`held` is a flag, and no look at the clock",
    edits: [
      edit(
        "core/src/place.ts",
        'return this.#state === "held" && !this.#keyGone && this.lease.alive;',
        'return this.#state === "held" && !this.#keyGone;',
      ),
      edit(
        "core/src/place.ts",
        "    const reason = this.lease.lossReason;\n    if (reason) {",
        "    const reason = undefined;\n    if (reason) {",
      ),
    ],
  },
  {
    name: "the deadline counts from the reply",
    edits: [
      edit(
        "core/src/keepalive.ts",
        "lease.deadline.acknowledge(sentAt, ttl * 1_000);",
        "lease.deadline.acknowledge(this.#clock.now(), ttl * 1_000);",
      ),
    ],
  },
  {
    name: "no safety margin",
    edits: [
      edit(
        "core/src/deadline.ts",
        "this.#at = sentAt + ttlMs - marginMs;",
        "this.#at = sentAt + ttlMs;",
      ),
      edit(
        "core/src/deadline.ts",
        "Math.max(this.#at, sentAt + ttlMs - this.marginMs)",
        "Math.max(this.#at, sentAt + ttlMs)",
      ),
    ],
  },
  {
    name: "a keep-alive that does not notice that the lease is gone",
    edits: [
      edit(
        "core/src/keepalive.ts",
        "if (ttl <= 0) return lease.gone();",
        "if (ttl <= 0) ttl = lease.ttlMs / 1_000;",
      ),
    ],
  },
  {
    name: "waiters are not told that their session is lost",
    edits: [
      edit(
        "core/src/lease.ts",
        "for (const dependent of [...this.#dependents]) dependent.leaseLost(reason);",
        "",
      ),
    ],
  },
  {
    name: "release and cancel delete without a guard",
    edits: [
      edit(
        "core/src/txn.ts",
        "    compare: [{ key, createRevision }],\n    success: [{ deleteRange: { key } }],",
        "    compare: [],\n    success: [{ deleteRange: { key } }],",
      ),
    ],
  },
  {
    name: "a cancelled wait leaves its key",
    edits: [
      edit(
        "core/src/place.ts",
        "    if (!enrolling) this.#own.leave();",
        "    this.#own.forget();",
      ),
    ],
  },
  {
    name: "a wait cancelled while it enrols leaves its key",
    edits: [
      edit(
        "core/src/place.ts",
        'if (this.#state === "over") return this.#drop(this.#own);\n      this.#enrolled',
        'if (this.#state === "over") return this.#own.forget();\n      this.#enrolled',
      ),
    ],
  },
  {
    name: "keys of unanswered requests are not looked for",
    edits: [
      edit("core/src/ghosts.ts", "if (!this.#timer && this.#lease.alive) this.#schedule();", ""),
    ],
  },
  {
    name: "a line compares that the own key exists, not its create revision",
    edits: [
      edit(
        "core/src/line.ts",
        "if (this.#order.get(place.id)?.fencingToken !== place.createRevision) place.deleted();",
        "if (!this.#order.has(place.id)) place.deleted();",
      ),
      edit(
        "core/src/line.ts",
        "if (place?.createRevision === fencingToken) place.turn();",
        "place?.turn();",
      ),
    ],
  },
  {
    name: "the deletion of the own key is not noticed",
    edits: [
      edit(
        "core/src/line.ts",
        'if (type === "delete" && place && place.createRevision <= kv.modRevision) place.deleted();',
        "",
      ),
    ],
  },
  {
    name: "whoever waits is told of its turn two seconds late",
    edits: [
      edit(
        "core/src/line.ts",
        "if (place?.createRevision === fencingToken) place.turn();",
        "if (place?.createRevision === fencingToken) this.connection.clock.setTimer(2_000, () => place.turn());",
      ),
    ],
  },
  {
    name: "a closed session leaves its lease to etcd",
    edits: [
      edit("core/src/lease.ts", "    await revoke(this.connection, this.id, serverExpiry);\n", ""),
    ],
  },
  {
    name: "who met nobody never follows its line",
    edits: [
      edit(
        "core/src/place.ts",
        "if (enrolling) this.#moment = clock.setTimer(MOMENT_MS, () => this.line.add(this));",
        "",
      ),
    ],
  },
  {
    name: "two parts of one line in one batch",
    edits: [edit("core/src/batch.ts", "&& !scopes.overlap(scope)", "")],
  },
  {
    name: "a watch resumes one revision late",
    edits: [
      edit(
        "core/src/watch.ts",
        "subscription.resumeFrom = last.kv.modRevision + 1n;",
        "subscription.resumeFrom = last.kv.modRevision + 2n;",
      ),
    ],
  },
  {
    name: "a watch resumes one revision early",
    edits: [
      edit(
        "core/src/watch.ts",
        "subscription.resumeFrom = last.kv.modRevision + 1n;",
        "subscription.resumeFrom = last.kv.modRevision;",
      ),
    ],
  },
  {
    name: "a watch from now on begins anew after each cut",
    edits: [
      edit(
        "core/src/watch.ts",
        "if (subscription.resumeFrom === 0n) subscription.resumeFrom = revision + 1n;",
        "",
      ),
      edit("core/src/watch.ts", "subscription.resumeFrom = last.kv.modRevision + 1n;", ""),
    ],
  },
  {
    name: "a part of a batch is taken for the whole",
    edits: [edit("core/src/watch.ts", "    if (reply.fragment) return;\n", "")],
  },
  {
    name: "a compacted watch means that nothing is there",
    edits: [
      edit(
        "core/src/snapshot.ts",
        'failure.kind === "compacted") this.#start();',
        'failure.kind === "compacted") { this.#handlers.state([], 1n << 60n); this.#start(); }',
      ),
    ],
  },
  {
    name: "a list older than its watch counts",
    edits: [edit("core/src/snapshot.ts", "if (revision < createdAt) {", "if (false) {")],
  },
  {
    name: "events that come before the list are dropped",
    edits: [edit("core/src/snapshot.ts", "      pass(early);\n", "")],
  },
  {
    name: "what the list has seen is told again",
    edits: [
      edit(
        "core/src/snapshot.ts",
        "events.filter((event) => event.kv.modRevision > (joinedAt ?? 0n))",
        "events",
      ),
    ],
  },
  {
    name: "a reader passes a writer who waits",
    edits: [edit("rwmutex/src/order.ts", "      if (!reads) return;\n", "")],
  },
  {
    name: "a late proclamation undoes a newer one",
    edits: [
      edit(
        "core/src/txn.ts",
        "        { key, createRevision },\n        { key, modRevision },\n",
        "        { key, createRevision },\n",
      ),
    ],
  },
  {
    name: "a waiter believes a watch that lags behind its read",
    edits: [
      edit(
        "barrier/src/awaited-key.ts",
        "if (this.#revision === undefined || this.#revision < since) return;",
        "if (this.#revision === undefined) return;",
      ),
    ],
  },
  {
    name: "who waits at a barrier is told two seconds late that it is free",
    edits: [
      edit(
        "barrier/src/awaited-key.ts",
        "waiter = { held, since, gone, failed };",
        "waiter = { held, since, failed, gone: (end) => this.connection.clock.setTimer(2_000, () => gone(end)) };",
      ),
    ],
  },
  {
    name: "a double barrier is ready where `ready` exists",
    edits: [
      edit(
        "barrier/src/member.ts",
        "if (lastReady.modRevision >= this.createRevision) return this.#letInBy(lastReady);",
        "if (this.gathering.readyRevision > 0n) return this.#entered(this.gathering.readyRevision);",
      ),
    ],
  },
  {
    name: "`ready` is put without looking who is there",
    edits: [
      edit(
        "barrier/src/member-key.ts",
        "      ...others.map((member) => ({ key: member.key, createRevision: member.createRevision })),\n",
        "",
      ),
    ],
  },
  {
    name: "a member goes without waiting for the others",
    edits: [
      edit("barrier/src/member.ts", "if (!this.#isOfRound(eldest)) this.#left();", "this.#left();"),
    ],
  },
  {
    name: "a member of a double barrier hears two seconds late that it is let in",
    edits: [
      edit(
        "barrier/src/member.ts",
        "    this.#settle?.resolve();\n  }\n\n  /**\n   * The eldest",
        "    this.lease.connection.clock.setTimer(2_000, () => this.#settle?.resolve());\n  }\n\n  /**\n   * The eldest",
      ),
    ],
  },
  {
    name: "a service leads two seconds late",
    edits: [
      edit(
        "election/src/term.ts",
        "if (!over.signal.aborted) await work(leadership);",
        "await new Promise<void>((late) => clock.setTimer(2_000, late));\n    if (!over.signal.aborted) await work(leadership);",
      ),
    ],
  },
  {
    name: "a member that left comes back by a late request",
    edits: [
      edit("liveness/src/own-key.ts", "        { key: this.#goodbye, createRevision: 0n },\n", ""),
    ],
  },
  {
    name: "a key of unknown create revision is deleted by its lease",
    edits: [
      edit(
        "core/src/txn.ts",
        "  if (createRevision === undefined) return deleteFound(lease, key, about);\n",
        "  const own = createRevision === undefined ? { lease: lease.id } : { createRevision };\n",
      ),
      edit(
        "core/src/txn.ts",
        "    compare: [{ key, createRevision }],\n    success: [{ deleteRange",
        "    compare: [{ key, ...own }],\n    success: [{ deleteRange",
      ),
    ],
  },
  {
    name: "a member of a double barrier takes a key that an earlier attempt left",
    edits: [edit("barrier/src/member.ts", "unsuspected: true", "unsuspected: false")],
  },
];
