import { formatNumber } from '@/texts/format';
import { defineTexts } from '@/texts/texts';

export const interestTexts = defineTexts(
  {
    title: (count: number) => `관심사업 ${formatNumber(count)}건`,
    titleEmpty: '관심사업',
    lead: '공고가 열리거나 바뀌면 바로 알려 드려요.',
    what: '관심사업',
    none: '아직 담은 사업이 없어요',
    noneText: '목록에서 ♥를 누르면 여기에 모이고, 열리거나 바뀔 때 알려 드려요.',
    toList: '사업 찾기',
    groups: {
      now: '지금 신청할 수 있어요',
      soon: '곧 열려요',
      past: '닫혔어요',
      unknown: '준비하고 있어요',
    },
    count: (count: number) => `${formatNumber(count)}건`,
    nextEdition: '다음 공고가 나오면 알려 드릴게요.',
    unknown: '공고의 내용을 가져오고 있어요.',
    gone: '관심사업에서 뺐어요. 다음에 오면 보이지 않아요.',
    waiting: (count: number) => `새로 담긴 ${formatNumber(count)}건 보기`,
  },
  {
    title: (count) => `${formatNumber(count)} interests`,
    titleEmpty: 'Interests',
    lead: 'You hear of it when one opens or changes.',
    what: 'your interests',
    none: 'There are no interests yet',
    noneText: 'Press ♥ in the list: programmes gather here, and you hear when they open or change.',
    toList: 'Find programmes',
    groups: {
      now: 'Open for applications',
      soon: 'Opening soon',
      past: 'Closed',
      unknown: 'Being prepared',
    },
    count: (count) => formatNumber(count),
    nextEdition: 'You hear of the next announcement once it is there.',
    unknown: 'The details of the announcement are on their way.',
    gone: 'Removed. It is not here the next time.',
    waiting: (count) => `Show ${formatNumber(count)} more`,
  },
);
