/** A particle after a consonant, and after a vowel. */
type Particle = '을/를' | '이/가' | '은/는' | '과/와' | '으로/로' | '이에요/예요';

const WORD_JOINER = '\u2060';

/** How the last digit of a number is pronounced. */
const DIGITS = ['영', '일', '이', '삼', '사', '오', '육', '칠', '팔', '구'];

/** How the last letter of a Latin word is pronounced when it ends in a consonant of Korean. */
const LATIN_WITH_FINAL: Record<string, string> = { l: '엘', m: '엠', n: '엔', r: '알' };

/** The last sound of a word in Hangul, or `undefined` where it is unknown. */
function lastSound(word: string): string | undefined {
  // 「3. 11.(목)」 is read as 「3월 11일」.
  if (/\d\.\([^)]+\)$/u.test(word)) return '일';
  const letters = word.replace(/[\s"'」』)\]}.!?,…·]+$/u, '');
  const last = letters.at(-1);
  if (last === undefined) return undefined;
  if (last >= '가' && last <= '힣') return last;
  if (last >= '0' && last <= '9') return DIGITS[Number(last)];
  if (/[a-z]/iu.test(last)) return LATIN_WITH_FINAL[last.toLowerCase()] ?? '아';
  return undefined;
}

const FIRST_SYLLABLE = '가'.charCodeAt(0);
/** Syllables with the same first consonant and vowel, one for each final consonant or none. */
const FINALS = 28;
/** The final ㄹ, which takes 「로」 as a vowel does. */
const RIEUL = 8;

function hasFinal(syllable: string, particle: Particle): boolean {
  const final = (syllable.charCodeAt(0) - FIRST_SYLLABLE) % FINALS;
  return final > 0 && !(particle === '으로/로' && final === RIEUL);
}

/**
 * The word with its particle, as in 「수출바우처를」. Digits and Latin letters count by their sound.
 * Where the last sound is unknown, both forms are written. The particle stays on the line of the
 * word.
 */
export function withParticle(word: string, particle: Particle): string {
  const sound = lastSound(word);
  const [afterConsonant, afterVowel] = particle.split('/');
  if (sound === undefined) return `${word}${WORD_JOINER}${afterConsonant}(${afterVowel})`;
  return `${word}${WORD_JOINER}${hasFinal(sound, particle) ? afterConsonant : afterVowel}`;
}

/** Keeps 「보급·확산」 on one line, so that no line begins with the dot. */
export function glue(text: string): string {
  return text.replace(/\s?·\s?(?=\S)/gu, (dot) =>
    dot.includes(' ') ? dot : `${WORD_JOINER}·${WORD_JOINER}`,
  );
}
