// Fails when a link in a Markdown file of the workspace leads to a file, a folder or a heading that is not there. Links to the web are left alone:
// nothing here uses the network.
//
//   node tools/scripts/check-links.mjs
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import GithubSlugger from 'github-slugger';
import { filesBelow, root } from './lib.mjs';

const SKIPPED = ['node_modules', 'dist', 'test-results', 'out-tsc', '.git', '.nx', '.raftway'];
const FENCE = /^ *(`{3,}|~{3,})/;
const HEADING = /^#{1,6} +(.+?) *#*$/;
const LINK = /!?\[[^\]]*\]\(<?([^\s)>]+)>?(?: "[^"]*")?\)/g;
const DEFINITION = /^ {0,3}\[[^\]]+\]: +<?([^\s>]+)>?/;
const ELSEWHERE = /^[a-z][a-z+.-]*:/;

const pages = filesBelow(root, SKIPPED).filter((file) => file.endsWith('.md'));
const anchorsOf = new Map();
let checked = 0;

for (const page of pages) {
  for (const { line, target } of linksIn(readFileSync(path.join(root, page), 'utf8'))) {
    checked += 1;
    const problem = problemWith(page, target);
    if (problem === undefined) continue;
    console.error(`${page}:${line}: ${target} ${problem}`);
    process.exitCode = 1;
  }
}
console.log(`${checked} links of ${pages.length} Markdown files checked`);

/** @returns why a link leads nowhere; undefined when it leads somewhere. */
function problemWith(page, target) {
  const [file, anchor] = target.split('#').map(decodeURIComponent);
  const found = file === '' ? page : path.normalize(path.join(path.dirname(page), file));
  if (found.startsWith('..')) return 'leads out of the workspace';
  if (!existsSync(path.join(root, found))) return 'is not there';
  if (anchor === undefined) return undefined;
  if (!found.endsWith('.md')) return 'names a heading of what is no Markdown';
  if (!anchorsOf.has(found)) {
    anchorsOf.set(found, anchorsIn(readFileSync(path.join(root, found), 'utf8')));
  }
  return anchorsOf.get(found).has(anchor) ? undefined : 'names a heading that is not there';
}

/** What stands outside of blocks of code, by line number. */
function* prose(text) {
  let fence;
  for (const [index, line] of text.split('\n').entries()) {
    const [, mark] = FENCE.exec(line) ?? [];
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
    } else if (mark !== undefined) {
      fence = mark;
    } else {
      yield [index + 1, line];
    }
  }
}

function* linksIn(text) {
  for (const [line, content] of prose(text)) {
    const visible = content.replaceAll(/`[^`]*`/g, '');
    const [, definition] = DEFINITION.exec(visible) ?? [];
    const targets = [...visible.matchAll(LINK)].map(([, target]) => target);
    if (definition !== undefined) targets.push(definition);
    for (const target of targets) if (!ELSEWHERE.test(target)) yield { line, target };
  }
}

/** The anchors that GitHub gives headings. */
function anchorsIn(text) {
  const slugger = new GithubSlugger();
  const anchors = new Set();
  for (const [, content] of prose(text)) {
    const [, heading] = HEADING.exec(content) ?? [];
    // A link's text stands in the heading, its target does not; nor do marks of code and emphasis.
    if (heading !== undefined) {
      anchors.add(
        slugger.slug(
          heading
            .replaceAll(LINK, (link) => link.slice(1, link.indexOf(']')))
            .replaceAll(/[`*]/g, ''),
        ),
      );
    }
  }
  return anchors;
}
