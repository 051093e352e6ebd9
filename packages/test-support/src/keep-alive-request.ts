/** What renews this lease, as it is on the wire: LeaseKeepAliveRequest with field 1, the lease, as a varint (etcd, api/etcdserverpb/rpc.proto). */
export function keepAliveRequest(leaseId: bigint): Buffer {
  const bytes = [0x08];
  let rest = leaseId;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
