/**
 * Lossy network for a kernel without netem. The hosts send their frames in UDP datagrams (VXLAN) to this process, which
 * forwards them like a switch, with a delay and with losses. Each host has its own address and the same port.
 *
 *     node relay.ts PORT LOSS DELAY
 *
 * LOSS is a fraction from 0 to 1. DELAY is in milliseconds.
 */
import * as Dgram from "node:dgram"

const [port = 0, loss = 0, delay = 0] = process.argv.slice(2).map(Number)

/** Offset of the frame in a VXLAN datagram, and of the packet in the frame. */
const frame = 8
const packet = frame + 14

const socket = Dgram.createSocket("udp4")
const hosts = new Set<string>()
const hostOf = new Map<string, string>()

/**
 * Sets the checksum of a TCP segment. A kernel leaves it to the network card, and no card handles this frame before the
 * kernel that verifies the checksum.
 */
const sign = (bytes: Buffer): void => {
  if (bytes.readUInt16BE(packet - 2) !== 0x0800 || bytes[packet + 9] !== 6) return
  const segment = packet + ((bytes[packet] ?? 0) & 15) * 4
  const end = packet + bytes.readUInt16BE(packet + 2)
  bytes.writeUInt16BE(0, segment + 16)
  // The addresses, the protocol and the length are summed as well.
  let sum = 6 + end - segment
  for (let i = packet + 12; i < packet + 20; i += 2) sum += bytes.readUInt16BE(i)
  for (let i = segment; i < end; i += 2) sum += i + 1 < end ? bytes.readUInt16BE(i) : (bytes[i] ?? 0) << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  bytes.writeUInt16BE(~sum & 0xffff, segment + 16)
}

socket.on("message", (bytes, { address }) => {
  hosts.add(address)
  hostOf.set(bytes.toString("hex", frame + 6, frame + 12), address)
  if (Math.random() < loss) return
  sign(bytes)
  const known = hostOf.get(bytes.toString("hex", frame, frame + 6))
  const to = known === undefined ? [...hosts].filter((host) => host !== address) : [known]
  setTimeout(() => {
    for (const host of to) socket.send(bytes, port, host)
  }, delay)
})
// Ends with the process that started it.
process.stdin.on("end", () => process.exit()).resume()
socket.bind(port, () => console.log("ready"))
