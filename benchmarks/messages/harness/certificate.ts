/** Certificate for this run on this machine. */
import { generate } from "selfsigned"
import { type Certificate, host } from "../systems/Driver.ts"

export const make = async (): Promise<Certificate> => {
  const { cert, private: key } = await generate([{ name: "commonName", value: "bench" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 7, ip: host }] },
    ],
  })
  return { cert, key }
}
