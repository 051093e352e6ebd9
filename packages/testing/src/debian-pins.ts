/** In which suite of Debian a version of etcd is to be had. */
export const suiteOf: Readonly<Record<string, string>> = {
  "3.4.23": "bookworm",
  "3.5.16": "trixie",
  "3.5.30": "forky",
};

/**
 * SHA-256 of the packages that Debian published with these versions, for a system too old to know
 * the keys that newer suites are signed with. Taken from signed lists that were checked.
 */
export const pinned: ReadonlySet<string> = new Set([
  // 3.4.23-4+b4: server and client of amd64, then of arm64
  "3a9445d4560ad6de1c375756b2a17d97713df44cbd20a658c871fe108af7ef5d",
  "db3a484d5d924b50bf71f459ee544ecd7b11c25dc2f6becc0c50352d67299cc8",
  "821e59be145fa42bd72b3e003d275640947c3d824b4c06b1ed2a01a631d555a1",
  "3f1bcd6d47e2c9eaa274c5bb2f7b2ebc090226dc10dde00e13e32d0b03d137d7",
  // 3.5.16-4
  "0875921bb0d023f2af9b8e15cdfbe417a03e65731345fb832c40f9c2dd72967b",
  "7eb67e305ba2ce523a5a0b29bf88750ded3f724769c7111a83382b7909f9977b",
  "5e21469a4f59f1cb2ed7af9c6eb9dda7d9734809c011cfa8a39b34f82a161a32",
  "56c3527045c4ddd0aca5a572897b9a72e43a015cb09a01c79acc08eda17904ca",
  // 3.5.30-2
  "11a4f7e350c5020b83edff5160a6063d4e56ac9cd014d21ce8916378bf96de79",
  "1e66ad2aba4cba6842a1ac35d5c525e750102b8fb42748225bcb2e34d6595931",
  "c9f0208925c51d44ba026367930c67a1fd2bef12d162e8b99d249f42242f7100",
  "65cfed5f190e8f99239a0e9911b1b1fa9aca484e80856b8afb3310f2ca619733",
]);
