// Loaded into each process of a dry run before the app: what a pod sees of its cluster, as far as apps ask for it. Names are looked up in a
// file that the runner keeps up to date, and nowhere else; the host name is the pod's.
'use strict';

const dns = require('node:dns');
const { readFileSync } = require('node:fs');
const { isIP } = require('node:net');
const os = require('node:os');

const { hostname, namesFile } = JSON.parse(process.env.RUNNER_SANDBOX);

os.hostname = () => hostname;

function addressesOf(name) {
  if (isIP(name)) return [name];
  const addresses = JSON.parse(readFileSync(namesFile, 'utf8'))[name] ?? [];
  if (addresses.length > 0) return addresses;
  const error = new Error(`getaddrinfo ENOTFOUND ${name}`);
  throw Object.assign(error, { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: name });
}

function answer(name, options) {
  const records = addressesOf(name).map((address) => ({ address, family: 4 }));
  return options?.all === true ? records : records[0];
}

dns.promises.lookup = async (name, options) => answer(name, options);

dns.lookup = (name, options, callback = options) => {
  const reply = () => {
    let found;
    try {
      found = answer(name, options);
    } catch (error) {
      callback(error);
      return;
    }
    if (Array.isArray(found)) callback(null, found);
    else callback(null, found.address, found.family);
  };
  process.nextTick(reply);
};

// No process outlives the runner, whatever ends it.
process.stdin.on('end', () => process.exit(1));
process.stdin.resume();
