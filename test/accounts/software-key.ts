// A passkey made of software: what a browser and its authenticator would answer, for tests. ES256, no attestation.
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

type Options = { readonly challenge: string };

export class SoftwareKey {
  readonly id: string;
  readonly #origin: string;
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  #count = 0;

  /** `id`: that of another key, to pretend to be it. */
  constructor(origin: string, id: string = randomBytes(16).toString("base64url")) {
    this.id = id;
    this.#origin = origin;
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#private = privateKey;
    this.#public = publicKey;
  }

  register({ challenge }: Options): object {
    const client = this.#client("webauthn.create", challenge, this.#origin);
    const { x, y } = this.#public.export({ format: "jwk" });
    const id = Buffer.from(this.id, "base64url");
    // COSE: kty EC2, alg ES256, crv P-256, x, y.
    const cose = Buffer.concat([Buffer.from("a5010203262001215820", "hex"), Buffer.from(x!, "base64url"), Buffer.from("225820", "hex"), Buffer.from(y!, "base64url")]);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const data = Buffer.concat([this.#authenticator(0x45), Buffer.alloc(16), length, id, cose]);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(data.length);
    // CBOR: { fmt: "none", attStmt: {}, authData }.
    const attestation = Buffer.concat([Buffer.from("a363666d74646e6f6e656761747453746d74a068617574684461746159", "hex"), size, data]);
    return this.#credential({ clientDataJSON: client.toString("base64url"), attestationObject: attestation.toString("base64url"), transports: ["internal"] });
  }

  sign({ challenge }: Options, origin = this.#origin): object {
    const client = this.#client("webauthn.get", challenge, origin);
    const data = this.#authenticator(0x05);
    const signature = sign("sha256", Buffer.concat([data, createHash("sha256").update(client).digest()]), this.#private);
    return this.#credential({ clientDataJSON: client.toString("base64url"), authenticatorData: data.toString("base64url"), signature: signature.toString("base64url") });
  }

  #client(type: string, challenge: string, origin: string): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  }

  #authenticator(flags: number): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(++this.#count);
    return Buffer.concat([createHash("sha256").update(new URL(this.#origin).hostname).digest(), Buffer.from([flags]), counter]);
  }

  #credential(response: object): object {
    return { id: this.id, rawId: this.id, type: "public-key", clientExtensionResults: {}, response };
  }
}
