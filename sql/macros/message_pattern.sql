-- title: Message pattern
-- question: What is left of a message once everything that varies is a star?
-- Ten thousand messages become a dozen: docs/rollups.md says what is masked and what stays.
-- Whoever changes it raises pattern_version in the view rolled_up and in etl/schema.py.
-- From inside to outside:
--   1. the first 1,000 characters, without the words of an event that stands for several, and
--      without the mark of 3
--   2. names that stand bare where a component always writes one, and paths
--   3. numbers that are codes are marked, so that 4 leaves them: 503 is not 404
--   4. whatever is an id by its form: quoted names, URLs, images, addresses, paths, words
--      that start with a digit (numbers, sizes, durations, times, UUIDs), hashes, and names
--      with a part of these kinds or with the suffixes that Kubernetes generates
--   5. the marks are taken off, and neighbouring stars become one
create or replace macro message_pattern(message) as (
    regexp_replace(
        replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        replace(
                            replace(left(message, 1000), '⁞', ''),
                            '(combined from similar events): ',
                            ''
                        ),
                        '('
                        || '(?:Created|Started) container:? |(?:Stopping|failed) container '
                        || '|(?:Created|Deleted|deleting) pod: |(?:Created|Deleted) job '
                        || '|completed job: |[Rr]eplica ?[Ss]et |(?:Daemon|Stateful)Set '
                        || '|(?:create|delete) (?:Pod|Claim) |deletion(?: of)? Pod '
                        || '|(?:Registered|Removing) Node |Preempted by (?:pod )?|in pod '
                        || '|on node |using Job |for service |access denied for |volumes='
                        || ')(?:[a-z0-9][a-z0-9./_-]*|\[[^\[\]]*\])'
                        || '|(Container |Node )[a-z0-9][a-z0-9./_-]*'
                        || '( failed| definition| status| event| has been)'
                        || '|(service account )[a-z0-9-]+/[a-z0-9.-]+'
                        || '|(assigned )[a-z0-9./-]+ to [a-z0-9.-]+'
                        || '|((?:^|[\s(=]))/[^\s"'',;:)*]+/[^\s"'',;:)*]+',
                        '\1\2\4\5\6*\3',
                        'g'
                    ),
                    '((?:^|\s)(?:[Ss]tatus ?[Cc]ode|[Cc]ode|[Ss]tatus|signal|errno)'
                    || '(?:[:=]| =)? ?)([0-9]+)\b',
                    '\1⁞_\2',
                    'g'
                ),
                '"[a-z0-9/][^" *]*"|''[a-z0-9/][^'' *]*'''
                || '|\b[A-Za-z0-9.+-]+://[^\s"'',;)*]*[^\s"'',;):.\]*]'
                || '|\b[a-z0-9.-]+\.[a-z0-9-]+(?::[0-9]+)?/[A-Za-z0-9._/-]+'
                || '(?::[A-Za-z0-9._-]+|@sha256:[0-9a-f]+|/[A-Za-z0-9._-]+)+'
                || '|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}\b'
                || '|\b(?:[A-Za-z0-9]+[-._/])*(?:'
                || '[0-9][0-9A-Za-z]*|[a-f0-9]{8,}|[A-Za-z]+[0-9]+[A-Za-z]+[0-9]+[A-Za-z0-9]*'
                || '|[A-Za-z0-9]+-[bcdfghjklmnpqrstvwxz2456789]{8,10}'
                || '|[A-Za-z0-9]+-[bcdfghjklmnpqrstvwxz2456789]{5}(?:_[a-z0-9-]+)?'
                || ')(?:[-._/][A-Za-z0-9]+|:[0-9][0-9A-Za-z]*|[,+][0-9]+)*\b',
                '*',
                'g'
            ),
            '⁞_',
            ''
        ),
        '\*(?:[ ,/]+\*)+',
        '*',
        'g'
    )
)
