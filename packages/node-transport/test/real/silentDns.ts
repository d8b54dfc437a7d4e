/**
 * DNS server on 127.0.0.53:53 of its network that never answers. It reports the name of each query, and ends with its
 * standard input.
 */
import * as Dgram from "node:dgram"

const nameOf = (query: Buffer): string => {
  const labels: Array<string> = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += 1 + length
  }
  return labels.join(".")
}

const socket = Dgram.createSocket("udp4")
socket.on("message", (query) => console.log(`asked for ${nameOf(query)}`))
socket.bind(53, "127.0.0.53", () => console.log("ready"))
process.stdin.on("end", () => process.exit()).resume()
