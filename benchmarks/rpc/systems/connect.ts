/** ConnectRPC over HTTP/2, with the Connect protocol and protobuf. */
import { createClient } from "@connectrpc/connect"
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node"
import { once } from "node:events"
import * as Http2 from "node:http2"
import type { AddressInfo } from "node:net"
import { host } from "../../harness/sockets.ts"
import { type Driver, promiseClient } from "./Driver.ts"
import { Echo } from "./generated/echo_pb.ts"

export const make = (): Driver => ({
  serve: async () => {
    const handler = connectNodeAdapter({
      routes: (router) => void router.service(Echo, { echo: ({ text }) => ({ text }) }),
    })
    const server = Http2.createServer(handler).listen(0, host)
    await once(server, "listening")
    // The address of a TCP server is never a string.
    return `${host}:${(server.address() as AddressInfo).port}`
  },
  connect: async (address) => {
    const transport = createConnectTransport({
      baseUrl: `http://${address}`,
      httpVersion: "2",
      useBinaryFormat: true,
    })
    const client = createClient(Echo, transport)
    return promiseClient(async (text) => (await client.echo({ text })).text)
  },
})
