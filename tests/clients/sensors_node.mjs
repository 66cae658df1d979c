import { half, key, pause, require, url } from './half.mjs'
const SensorsAnalytics = require('sa-sdk-node')
const client = new SensorsAnalytics()
client.submitTo({ url: `${url}/sa?project=default&token=${key}`, gzip: true, mode: 'track' })
const spin = (from, to) => { for (let turn = from; turn < to; turn++) client.track('u1', 'WheelSpun', { turn, colour: '红' }) }
client.trackSignup('u1', 'a1')
client.profileSet('u1', { name: '王小明', age: 31, vip: true })
spin(0, 20)
await pause(10000) // it sends one event after the other, and says nothing when it is done
await half()
client.trackSignup('u1', 'a0')
spin(20, 40)
await pause(10000) // it sends one event after the other, and says nothing when it is done
process.exit(0)
