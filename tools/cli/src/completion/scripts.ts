import type { Candidate } from './complete';

/** Shells that completion is written for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A shell's completion: it asks the program itself, so that it knows whatever the program knows. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `_raftway() {
  local IFS=$'\\n'
  COMPREPLY=($(raftway __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _raftway raftway`,
  zsh: `#compdef raftway
_raftway() {
  local -a candidates
  candidates=("\${(@f)$(raftway __complete zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$candidates[1]" ]]; then _describe raftway candidates; else _files; fi
}
compdef _raftway raftway`,
  fish: `function __raftway_complete
  set -l typed (commandline -opc) (commandline -ct)
  raftway __complete fish -- $typed[2..-1] 2>/dev/null
end
complete -c raftway -f -a '(__raftway_complete)'`,
};

/** Candidates as a shell reads them, one a line. */
export function formatCandidates(shell: Shell, candidates: readonly Candidate[]): string {
  return candidates
    .map(({ value, description }) => {
      if (shell === 'bash' || description === '') return value;
      if (shell === 'fish') return `${value}\t${description}`;
      return `${value.replaceAll(':', '\\:')}:${description}`;
    })
    .join('\n');
}
