/** gRPC-js with protobuf, encoded by the functions that @grpc/proto-loader makes. */
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js"
import { loadSync } from "@grpc/proto-loader"
import { fileURLToPath } from "node:url"
import { host } from "../../harness/sockets.ts"
import { type Driver, promiseClient } from "./Driver.ts"

interface Payload {
  readonly text: string
}

/** Loads the service. The types of the loader do not know the messages of a file. */
const load = () => {
  const service = loadSync(fileURLToPath(new URL("echo.proto", import.meta.url)))["bench.Echo"]
  if (service === undefined || "format" in service) throw new Error("echo.proto has no service")
  const { Echo: method } = service
  if (method === undefined) throw new Error("the service has no method")
  return { method, service }
}

export const make = (): Driver => {
  const { method, service } = load()
  return {
    serve: async () => {
      const server = new Server()
      const implementation: UntypedServiceImplementation = {
        Echo: (call: { readonly request: Payload }, respond: (error: null, response: Payload) => void) =>
          respond(null, call.request),
      }
      server.addService(service as ServiceDefinition, implementation)
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, port) =>
          error === null ? resolve(port) : reject(error),
        )
      })
      return `${host}:${port}`
    },
    connect: async (address) => {
      const client = new Client(address, credentials.createInsecure())
      return promiseClient(
        (text) =>
          new Promise((resolve, reject) => {
            client.makeUnaryRequest<Payload, Payload>(
              method.path,
              method.requestSerialize,
              (buffer) => method.responseDeserialize(buffer) as Payload,
              { text },
              (error, response) =>
                response === undefined ? reject(error ?? new Error("no response")) : resolve(response.text),
            )
          }),
      )
    },
  }
}
