import { addDays, formatMoney, today, type Day } from '@/texts/format';
import type { Phase } from '@/api/types';

export interface Sample {
  id: string;
  name: string;
  phase: Phase;
  daysLeft: number | null;
  period: { startsOn: Day | null; endsOn: Day | null; text: string };
  category: string;
  region: string;
  organisation: string;
  sub: string;
  interests: number;
  consultations: number;
}

const now = today();
const day = (ahead: number): Day => addDays(now, ahead);

function sample(
  name: string,
  phase: Phase,
  dates: [number | null, number | null],
  words: { category: string; region: string; organisation: string; sub: string; text?: string },
): Sample {
  const [from, until] = dates;
  const isOpen = phase === 'open' || phase === 'closing';
  return {
    id: `${phase}-${name.length}`,
    name,
    phase,
    daysLeft: isOpen ? until : null,
    period: {
      startsOn: from === null ? null : day(from),
      endsOn: until === null ? null : day(until),
      text: words.text ?? '',
    },
    ...words,
    interests: name.length * 7,
    consultations: name.length % 9,
  };
}

/** One programme of each phase, with long names, long dots and missing dates. */
export const samples: Sample[] = [
  sample('2026년 서울 청년 초기창업 사무공간 지원 입주기업 모집 공고', 'closing', [-23, 0], {
    category: '창업',
    region: '서울',
    organisation: '서울창업지원센터',
    sub: '창업 3년 이내 · 최대 600만 원',
  }),
  sample('2026년 스마트상점 기술보급사업 참여 점포 모집 공고', 'closing', [-23, 3], {
    category: '기술',
    region: '전국',
    organisation: '소상공인시장진흥공단',
    sub: `소상공인 · 최대 ${formatMoney(15_000_000)}`,
  }),
  sample(
    '[경북] 2026년 지역주력산업 중소기업 제조 데이터 기반 인공지능 공정개선 실증 및 사업화 지원사업 참여기업 추가 모집 공고(2차)',
    'closing',
    [-9, 7],
    {
      category: '기술',
      region: '경북',
      organisation: '경북테크노파크',
      sub: `제조 중소기업 · 최대 ${formatMoney(120_000_000)}`,
    },
  ),
  sample('[부산] 2026년 아세안 온라인시장 진출 지원사업 참가기업 모집 공고', 'open', [-12, 16], {
    category: '수출',
    region: '부산',
    organisation: '부산경제진흥원',
    sub: `중소기업 · 최대 ${formatMoney(20_000_000)}`,
  }),
  sample('2026년 소상공인 온라인 판로 지원사업 참여기업 모집', 'open', [-30, 156], {
    category: '내수',
    region: '전국',
    organisation: '한국중소벤처기업유통원',
    sub: '소상공인',
  }),
  sample('2026년 중소기업 경영안정자금 이차보전 지원계획 공고', 'until_budget', [null, null], {
    category: '금융',
    region: '인천',
    organisation: '인천테크노파크',
    sub: `중소기업 · 최대 ${formatMoney(300_000_000)}`,
    text: '예산 소진시까지',
  }),
  sample('의료기기 산업 종합지원 상시 상담 프로그램', 'always', [null, null], {
    category: '경영',
    region: '전국',
    organisation: '한국보건산업진흥원',
    sub: '중소기업',
    text: '상시 접수',
  }),
  sample('2026년 중소기업 클라우드 서비스 보급·확산 사업', 'upcoming', [28, 51], {
    category: '기술',
    region: '전국',
    organisation: '정보통신산업진흥원',
    sub: '중소기업',
  }),
  sample('2026년 수출바우처 1차 참여기업 모집 공고', 'closed', [-44, -5], {
    category: '수출',
    region: '전국',
    organisation: '중소벤처기업진흥공단',
    sub: '중소기업',
  }),
  sample('2025년 수출바우처 2차 참여기업 모집 공고', 'ended', [-40, -11], {
    category: '수출',
    region: '전국',
    organisation: '중소벤처기업진흥공단',
    sub: '중소기업',
  }),
];
