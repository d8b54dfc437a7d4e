/** Bare mutual TLS 1.3, which is the limit of encrypted systems. */
import { once } from "node:events"
import * as Tls from "node:tls"
import { type Certificate, type Driver, host, type Setup } from "./Driver.ts"
import * as Sockets from "./sockets.ts"

/** Options with which both ends authenticate. */
export const mutual = (setup: Setup): Tls.CommonConnectionOptions & Tls.SecureContextOptions => {
  const { cert, key } = certificateOf(setup)
  return { cert, key, ca: cert, minVersion: "TLSv1.3", requestCert: true, rejectUnauthorized: true }
}

const certificateOf = ({ certificate, system }: Setup): Certificate => {
  if (certificate === undefined) throw new Error(`${system} needs a certificate`)
  return certificate
}

export const make = (setup: Setup): Driver =>
  Sockets.make(setup, {
    listen: (accept) => Tls.createServer({ ...mutual(setup), noDelay: true }, accept).listen(0, host),
    connect: async (port) => {
      const socket = Tls.connect({ ...mutual(setup), host, port })
      socket.setNoDelay(true)
      await once(socket, "secureConnect")
      return socket
    },
  })
