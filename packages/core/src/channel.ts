import type { Channel, ChannelCredentials, ChannelOptions } from "@grpc/grpc-js";
import { grpc } from "./grpc.js";

/** What grpc-js has below a channel, though its types hide it (channel.ts, internal-channel.ts, subchannel-pool.ts). */
interface Below {
  internalChannel?: { subchannelPool?: { pool?: Record<string, { subchannel: Subchannel }[]> } };
}

interface Subchannel {
  /** Of channels, and of its pool. */
  refcount: number;
  /** Whether it connects when its pause after a failure is over. */
  continueConnecting: boolean;
}

/**
 * A channel that stays closed. One of grpc-js 1.14 that is closed in its pause between two attempts makes the next one all the same, and
 * keeps that connection (subchannel.ts): each outage would leave some sockets behind, since etcd3 closes its channels when calls fail.
 */
export function openChannel(
  address: string,
  credentials: ChannelCredentials,
  options: ChannelOptions,
): Channel {
  const channel = new grpc.Channel(address, credentials, options);
  const close = channel.close.bind(channel);
  channel.close = () => {
    const { pool = {} } = (channel as unknown as Below).internalChannel?.subchannelPool ?? {};
    const subchannels = Object.values(pool).flat();
    close();
    // it may have been asked to connect in this very turn
    setImmediate(() => {
      for (const { subchannel } of subchannels) {
        if (subchannel.refcount === 0) subchannel.continueConnecting = false;
      }
    });
  };
  return channel;
}
