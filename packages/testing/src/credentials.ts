/** What a client needs to talk to a member over TLS: `credentials` of etcd3's options. */
export interface ClientCredentials {
  rootCertificate: Buffer;
  /** Only where the member asks clients for a certificate. */
  privateKey?: Buffer;
  certChain?: Buffer;
}
