// What the Node scripts share: the address and the key, and the wait in the middle.
import { createRequire } from 'node:module'
import readline from 'node:readline'

export const [url, key] = process.argv.slice(2)
// the clients are installed beside, not under, these scripts
export const require = createRequire(`${process.env.LIMNER_NODE_CLIENTS}/package.json`)
export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
export const half = () => {
  console.log('half')
  const lines = readline.createInterface({ input: process.stdin })
  return new Promise((done) => lines.once('line', () => { lines.close(); done() }))
}
export const traits = { name: '王小明', phone: '13812349876', age: 31, vip: true }
